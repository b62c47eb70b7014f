package selfbuild

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/tests/harness"
)

var buildkitVersion = regexp.MustCompile(`v\d+\.\d+\.\d+\S*`)

// apkScript is Alpine's package manager where all is there already: a package
// that the stand-in lacks fails the build, as one that Alpine lacks would.
const apkScript = `#!/bin/sh
set -eu
[ "${1:-} ${2:-}" = "add --no-cache" ] || { echo "apk (stand-in): $*?" >&2; exit 1; }
shift 2
for package in "$@"; do
  command -v "$package" >/dev/null || { echo "apk (stand-in): no $package here" >&2; exit 1; }
done
`

// xxGoScript runs go for the platform of the stage.
const xxGoScript = `#!/bin/sh
set -eu
: "${TARGETPLATFORM:?}"
GOOS=${TARGETPLATFORM%%/*}
rest=${TARGETPLATFORM#*/}
GOARCH=${rest%%/*}
case $rest in
  arm/v*) export GOARM="${rest#arm/v}" ;;
  */*) echo "xx-go (stand-in): $TARGETPLATFORM?" >&2; exit 1 ;;
esac
export GOOS GOARCH
exec go "$@"
`

// xxVerifyScript looks with file(1) whether a program is of the platform of the
// stage and, on Linux, needs no other file.
const xxVerifyScript = `#!/bin/sh
set -eu
: "${TARGETPLATFORM:?}"
[ "$1" = --static ] && [ $# = 2 ] || { echo "xx-verify (stand-in): $*?" >&2; exit 1; }
is=$(file -b "$2")
case $TARGETPLATFORM in
  linux/amd64) want="ELF 64-bit LSB executable, x86-64" ;;
  linux/arm64) want="ELF 64-bit LSB executable, ARM aarch64" ;;
  linux/arm/v7) want="ELF 32-bit LSB executable, ARM" ;;
  linux/386) want="ELF 32-bit LSB executable, Intel 80386" ;;
  linux/ppc64le) want="ELF 64-bit LSB executable, 64-bit PowerPC" ;;
  linux/riscv64) want="ELF 64-bit LSB executable, UCB RISC-V" ;;
  linux/s390x) want="ELF 64-bit MSB executable, IBM S/390" ;;
  darwin/amd64) want="Mach-O 64-bit x86_64 executable" ;;
  darwin/arm64) want="Mach-O 64-bit arm64 executable" ;;
  windows/amd64) want="PE32+ executable (console) x86-64" ;;
  windows/arm64) want="PE32+ executable (console) Aarch64" ;;
  *) want="a platform that is known here" ;;
esac
case $is in
  "$want"*) ;;
  *) echo "xx-verify (stand-in): $2 is $is; wanted for $TARGETPLATFORM: $want" >&2; exit 1 ;;
esac
case $TARGETPLATFORM/$is in
  linux/*"statically linked"*) ;;
  linux/*) echo "xx-verify (stand-in): $2 is not static: $is" >&2; exit 1 ;;
esac
`

// standIn is an image that takes the place of one of the Dockerfile.
type standIn struct {
	rootfs string // a tar that is the first layer
	goroot bool
	files  map[string]string
	copies map[string]string // path in the image to a file of the machine
	env    []string
}

// builtTools is the stage of the Dockerfile that would compile the linter for minutes;
// the tools have it from the same go.mod.
const builtTools = "golangci-lint"

// standInsOf are by repository: tag and digest are the Dockerfile's business.
func standInsOf(e *harness.Env) map[string]standIn {
	return map[string]standIn{
		"golang": {
			rootfs: e.Tools.Path(harness.ToolRootfs), goroot: true, files: map[string]string{"sbin/apk": apkScript},
			env: []string{
				"PATH=/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
				"GOPATH=/go", "GOTOOLCHAIN=local", "GOPROXY=http://" + moduleHost, "GOSUMDB=off",
			},
		},
		"tonistiigi/xx": {files: map[string]string{"usr/bin/xx-go": xxGoScript, "usr/bin/xx-verify": xxVerifyScript}},
		builtTools:      {copies: map[string]string{"usr/bin/golangci-lint": e.Tools.Path(harness.ToolLint)}},
	}
}

// standIns writes an OCI layout for each image of the Dockerfile into dir, unless
// it is there, and returns the named contexts that point to them.
func standIns(ctx context.Context, e *harness.Env, dir string) (map[string]string, error) {
	root, err := harness.Checkout()
	if err != nil {
		return nil, err
	}
	bases, err := externalImages(filepath.Join(root, "Dockerfile"))
	if err != nil {
		return nil, err
	}
	known := standInsOf(e)
	contexts := map[string]string{}
	var keep []string
	for _, base := range append(bases, builtTools) {
		repository, _, _ := strings.Cut(base, ":")
		img, ok := known[repository]
		if !ok {
			return nil, errors.Errorf("the Dockerfile names %s, for which tests/selfbuild has no stand-in", base)
		}
		key, err := img.key(ctx)
		if err != nil {
			return nil, err
		}
		path := filepath.Join(dir, filepath.Base(repository)+"-"+key)
		digest, err := img.write(ctx, e, path)
		if err != nil {
			return nil, err
		}
		contexts[base] = "oci-layout://" + path + "@" + digest
		keep = append(keep, filepath.Base(path))
	}
	return contexts, removeOthers(dir, keep)
}

// removeOthers removes what another version of the tools has left.
func removeOthers(dir string, keep []string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return errors.WithStack(err)
	}
	for _, entry := range entries {
		if !slices.Contains(keep, entry.Name()) {
			if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
				return errors.WithStack(err)
			}
		}
	}
	return nil
}

// key changes when the image would: files of the machine are told by size and time.
func (img standIn) key(ctx context.Context) (string, error) {
	h := sha256.New()
	add := func(parts ...string) { h.Write([]byte(strings.Join(parts, "\x00") + "\n")) }
	for _, f := range sortedPairs(img.files) {
		add(f[0], f[1])
	}
	machine := sortedPairs(img.copies)
	if img.rootfs != "" {
		machine = append(machine, [2]string{"/", img.rootfs})
	}
	if img.goroot {
		goroot, err := goRoot(ctx)
		if err != nil {
			return "", err
		}
		machine = append(machine, [2]string{goRootInImage, filepath.Join(goroot, "VERSION")})
	}
	for _, f := range machine {
		info, err := os.Stat(f[1])
		if err != nil {
			return "", errors.WithStack(err)
		}
		add(f[0], f[1], strconv.FormatInt(info.Size(), 10), info.ModTime().UTC().String())
	}
	add(img.env...)
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

// write makes the layout, and puts it in place by a rename.
func (img standIn) write(ctx context.Context, e *harness.Env, path string) (digest string, err error) {
	if index, err := layout.ImageIndexFromPath(path); err == nil {
		m, err := index.IndexManifest()
		if err != nil || len(m.Manifests) != 1 {
			return "", errors.Errorf("%s is broken (%v): remove it", path, err)
		}
		return m.Manifests[0].Digest.String(), nil
	}
	built, err := img.build(ctx)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", errors.WithStack(err)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(path), ".new-")
	if err != nil {
		return "", errors.WithStack(err)
	}
	e.OnClose(tmp, func(context.Context) error { return os.RemoveAll(tmp) })
	target, err := layout.Write(tmp, empty.Index)
	if err != nil {
		return "", errors.WithStack(err)
	}
	if err := target.AppendImage(built); err != nil {
		return "", errors.WithStack(err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return "", errors.WithStack(err)
	}
	d, err := built.Digest()
	return d.String(), errors.WithStack(err)
}

func (img standIn) build(ctx context.Context) (v1.Image, error) {
	out := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	out, err := mutate.ConfigFile(out, &v1.ConfigFile{
		OS: "linux", Architecture: runtime.GOARCH, Config: v1.Config{Env: img.env}, RootFS: v1.RootFS{Type: "layers"},
	})
	if err != nil {
		return nil, errors.WithStack(err)
	}
	var layers [][]byte
	if img.rootfs != "" {
		b, err := os.ReadFile(img.rootfs)
		if err != nil {
			return nil, errors.WithStack(err)
		}
		layers = append(layers, b)
	}
	if img.goroot {
		goroot, err := goRoot(ctx)
		if err != nil {
			return nil, err
		}
		b, err := tarGoRoot(goroot)
		if err != nil {
			return nil, err
		}
		layers = append(layers, b)
	}
	files, err := tarFiles(img.files, img.copies)
	if err != nil {
		return nil, err
	}
	for _, b := range append(layers, files) {
		if out, err = mutate.AppendLayers(out, static.NewLayer(b, types.OCIUncompressedLayer)); err != nil {
			return nil, errors.WithStack(err)
		}
	}
	return out, nil
}

// goRoot is where the machine's Go toolchain lies.
func goRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return "", errors.Wrap(err, "go env GOROOT")
	}
	dir, err := filepath.EvalSymlinks(strings.TrimSpace(string(out)))
	return dir, errors.WithStack(err)
}
