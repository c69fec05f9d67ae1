# A Lumen registry on GitHub Pages: each publish is a commit in the branch @BRANCH@.
# Needs git, with the right to push to @OWNER@/@REPOSITORY@.
set -eu

# 1. The registry, as the first commit of the branch. An empty file `.nojekyll` comes with
#    it: without one, GitHub leaves out files whose names start with `_`.
lumen registry init @URL@

# 2. Let GitHub serve the branch: in the repository's settings, under `Pages`, choose
#    `Deploy from a branch`, @BRANCH@, @SOURCE@. Or with GitHub's own program:
#   gh api -X POST repos/@OWNER@/@REPOSITORY@/pages \
#     -f @BRANCH_FIELD@ -f 'source[path]=@SOURCE@'

# 3. Two addresses: people read the pages, publishers push to the branch. In lumen.toml or
#    in your configuration:
#
#   [registry]
#   default = "pages"
#
#   [registry.registries]
#   pages = { read = "@READ@", publish = "@PUBLISH@" }
#
# GitHub serves a commit some seconds after the push, says that everything may be kept for
# ten minutes, and lets every web page read it; none of this can be changed. `lumen` notices
# a stale index of a signed registry, and asks past the caches.
#   lumen registry doctor @READ@
