#!/bin/sh
# Fetches onnxruntime-web from npm again: sh renew.sh [VERSION]. Needs npm and gzip.
set -eu
version=${1:-1.30.0}
here=$(cd "$(dirname "$0")" && pwd)
fetched=$(mktemp -d)
trap 'rm -rf "$fetched"' EXIT
cd "$fetched"
npm pack --silent "onnxruntime-web@$version" >/dev/null
tar xzf "onnxruntime-web-$version.tgz"
# The smallest build that runs the decoder: WebAssembly only, no WebGPU, its loader within.
grep -v '^//# sourceMappingURL=' package/dist/ort.wasm.bundle.min.mjs > "$here/onnxruntime-web/ort.wasm.bundle.min.mjs"
gzip -9nc package/dist/ort-wasm-simd-threaded.wasm > "$here/onnxruntime-web/ort-wasm-simd-threaded.wasm.gz"
