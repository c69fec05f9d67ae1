
# Let a policy make the bucket public; access lists stay off.
aws s3api put-public-access-block@OPTIONS@ --bucket @BUCKET@ \
  --public-access-block-configuration \
  BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=false,RestrictPublicBuckets=false
