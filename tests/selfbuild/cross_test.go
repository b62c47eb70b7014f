package selfbuild

import (
	"bytes"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/version"
)

// TestFrontendsCross builds both channels for every platform that is published.
func TestFrontendsCross(t *testing.T) {
	_, s := get(t)
	needFull(t)
	dir := checkout(t)
	platforms := s.platforms(t, dir)
	// One after the other: the second finds most of it compiled.
	for target, channel := range map[string]string{"frontend-cross": harness.ChannelMainline, "frontend-labs-cross": harness.ChannelLabs} {
		tag := "org/pullsafe:" + target
		s.bake(t, bakeOpt{dir: dir, epoch: commitTime(t, dir), args: []string{
			target, "--set=" + target + ".push=true", "--set=" + target + ".tags=" + s.registry.Addr + "/" + tag,
		}})
		images := s.images(t, tag)
		require.ElementsMatch(t, platforms[target], slices.Collect(maps.Keys(images)), target)
		for platform, img := range images {
			files := layerFiles(t, img)
			requirePublished(t, img, files, channel)
			requirePlatform(t, files[frontendBinary].data, platform)
		}
		binary := filepath.Join(t.TempDir(), "pullsafe-frontend")
		require.NoError(t, os.WriteFile(binary, layerFiles(t, images[local])[frontendBinary].data, 0o755))
		out, err := exec.CommandContext(t.Context(), binary, "-version").Output()
		require.NoError(t, err)
		require.Equal(t, channel == harness.ChannelLabs, strings.Contains(string(out), "-labs,"), "%s: %s", target, out)
	}
}

// TestPluginCross builds the plugin for every platform, where the release's
// workflow looks for it.
func TestPluginCross(t *testing.T) {
	_, s := get(t)
	needFull(t)
	dir, dest := checkout(t), t.TempDir()
	s.bake(t, bakeOpt{dir: dir, epoch: commitTime(t, dir), env: []string{"DESTDIR=" + dest}, args: []string{"plugin-cross"}})
	want := s.platforms(t, dir)["plugin-cross"]
	folders, err := os.ReadDir(filepath.Join(dest, "release"))
	require.NoError(t, err)
	require.Len(t, folders, len(want))
	for _, platform := range want {
		name := "docker-pullsafe"
		if strings.HasPrefix(platform, "windows/") {
			name += ".exe"
		}
		folder := filepath.Join(dest, "release", strings.ReplaceAll(platform, "/", "_"))
		files, err := os.ReadDir(folder)
		require.NoError(t, err)
		require.Len(t, files, 1, platform)
		b, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		requirePlatform(t, b, platform)
	}
}

// TestPackages packs a file for each platform, where plugin-cross puts its program.
func TestPackages(t *testing.T) {
	_, s := get(t)
	needFull(t)
	dir, dest := checkout(t), t.TempDir()
	for _, platform := range s.platforms(t, dir)["plugin-cross"] {
		name := "docker-pullsafe"
		if strings.HasPrefix(platform, "windows/") {
			name += ".exe"
		}
		folder := filepath.Join(dest, "release", strings.ReplaceAll(platform, "/", "_"))
		require.NoError(t, os.MkdirAll(folder, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(platform), 0o755))
	}
	s.bake(t, bakeOpt{dir: dir, epoch: commitTime(t, dir), env: []string{"DESTDIR=" + dest}, args: []string{"packages"}})
	packages := filepath.Join(dest, "packages")
	cmd := exec.CommandContext(t.Context(), "sha256sum", "--check", "--quiet", "checksums.txt")
	cmd.Dir = packages
	printed, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", printed)
	formula, err := os.ReadFile(filepath.Join(packages, "docker-pullsafe.rb"))
	require.NoError(t, err)
	released := version.Version
	if git(t, dir, "tag", "--list", "v[0-9]*", "--merged") != "" {
		released = git(t, dir, "describe", "--tags", "--match", "v[0-9]*")
	}
	require.Contains(t, string(formula), "/releases/download/"+released+"/docker-pullsafe-darwin-arm64.tar.gz")
	for _, pattern := range []string{"*_amd64.deb", "*.x86_64.rpm", "*_x86_64.apk", "*-windows-amd64.zip"} {
		found, err := filepath.Glob(filepath.Join(packages, pattern))
		require.NoError(t, err)
		require.Len(t, found, 1, pattern)
	}
}

// platforms are those of each target of a release, as the bake file has them.
func (s *site) platforms(t *testing.T, dir string) map[string][]string {
	t.Helper()
	out := s.bake(t, bakeOpt{dir: dir, args: []string{"--print", "release"}})
	var printed struct {
		Target map[string]struct {
			Platforms []string `json:"platforms"`
		} `json:"target"`
	}
	require.NoError(t, json.Unmarshal([]byte(out.Stdout), &printed))
	list := map[string][]string{}
	for name, target := range printed.Target {
		require.NotEmpty(t, target.Platforms, name)
		list[name] = target.Platforms
	}
	require.Len(t, list, 3)
	return list
}

var elfMachines = map[string]elf.Machine{
	"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "arm": elf.EM_ARM, "386": elf.EM_386,
	"ppc64le": elf.EM_PPC64, "riscv64": elf.EM_RISCV, "s390x": elf.EM_S390,
}

var machoCPUs = map[string]macho.Cpu{"amd64": macho.CpuAmd64, "arm64": macho.CpuArm64}

var peMachines = map[string]uint16{"amd64": pe.IMAGE_FILE_MACHINE_AMD64, "arm64": pe.IMAGE_FILE_MACHINE_ARM64}

// requirePlatform reads the program's header; on Linux it must be static too.
func requirePlatform(t *testing.T, program []byte, platform string) {
	t.Helper()
	parts := strings.Split(platform, "/")
	r := bytes.NewReader(program)
	switch parts[0] {
	case "linux":
		f, err := elf.NewFile(r)
		require.NoError(t, err, platform)
		require.Equal(t, elfMachines[parts[1]], f.Machine, platform)
		for _, p := range f.Progs {
			require.NotEqual(t, elf.PT_INTERP, p.Type, "%s: not static", platform)
		}
	case "darwin":
		f, err := macho.NewFile(r)
		require.NoError(t, err, platform)
		require.Equal(t, machoCPUs[parts[1]], f.Cpu, platform)
	case "windows":
		f, err := pe.NewFile(r)
		require.NoError(t, err, platform)
		require.Equal(t, peMachines[parts[1]], f.Machine, platform)
	default:
		require.Fail(t, "unknown platform", platform)
	}
}
