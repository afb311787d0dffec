# Read by every npm script: puts the pinned Node of node_modules first on the PATH.
# npm links it as node_modules/.bin/node, but npm 10 (it comes with Node 20) takes the link away again together with the
# packages of other platforms, whose programs have the same name. Where there is none for this platform, the system's serves.
for folder in node_modules/node-*/bin; do
  PATH=$PWD/$folder:$PATH
done
case $(node --version) in
  v2[4-9].* | v[3-9][0-9].*) ;;
  *)
    echo "Node 24 or later is needed, this is $(node --version). npm ci brings it for Linux, unless told to omit optional dependencies." >&2
    exit 1
    ;;
esac
