# A Lumen registry in the S3 bucket @BUCKET@: public to read, and released files stay.
# Run this with the credentials of the bucket's owner; it can be run again.
set -eu

# The bucket, if it is not there yet:
#   aws s3 mb@OPTIONS@ s3://@BUCKET@
@PUBLIC@
# Web pages may read it.
cat > cors.json <<'EOF'
@CORS@
EOF
aws s3api put-bucket-cors@OPTIONS@ --bucket @BUCKET@ --cors-configuration file://cors.json

# Everybody may read it. A released file is created or not at all (`If-None-Match: *`), so
# `aws s3 sync` and `cp` cannot put files there any more: publish with `lumen`. To delete
# some all the same, as `lumen registry gc` does, take the rule with `Deleted` out meanwhile.
cat > policy.json <<'EOF'
@POLICY@
EOF
aws s3api put-bucket-policy@OPTIONS@ --bucket @BUCKET@ --policy file://policy.json

# `lumen` sets Content-Type and Cache-Control of each file that it publishes or mirrors.
#
# Publish to @URL@
# Read from  @READ@
# or from a CDN in front of the bucket that answers 404 for what is not there. Check both:
#   lumen registry doctor --write @URL@
#   lumen registry doctor @READ@
