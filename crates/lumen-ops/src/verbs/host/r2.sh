# A Lumen registry in the R2 bucket @BUCKET@: released files stay.
# `aws` needs the keys of an R2 API token, `wrangler` a login; it can be run again.
set -eu

# The bucket, if it is not there yet:
#   npx wrangler r2 bucket create @BUCKET@

# Web pages may read it.
cat > cors.json <<'EOF'
@CORS@
EOF
aws s3api put-bucket-cors --endpoint-url @ENDPOINT@ --bucket @BUCKET@ \
  --cors-configuration file://cors.json

# R2 has no bucket policies. Locks do the same: what is below these prefixes is never
# replaced or deleted. `packages/` has none, because the indexes in it change; in a signed
# registry the log shows when a release was changed.
cat > locks.json <<'EOF'
@LOCKS@
EOF
npx wrangler r2 bucket lock set @BUCKET@ --file locks.json

# Reading: connect a domain of yours to the bucket, in its settings under `Custom Domains`.
# (The `r2.dev` address is slowed down, and not meant for others.) Cloudflare does not keep
# JSON in its cache unless it is told to: give the domain a cache rule, `Eligible for cache`,
# with edge and browser times as the `Cache-Control` header says. Then artifacts are kept
# for good and indexes are asked for each time, as `lumen` says when it publishes.
#
# Publish to @URL@
# Read from  @READ@
# Check both:
#   lumen registry doctor --write @URL@
#   lumen registry doctor @READ@
