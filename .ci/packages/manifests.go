package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"text/template"

	"github.com/pkg/errors"
)

// manifests are the files that tell a package manager which archive to get.
var manifests = map[string]func(version string, s sums) ([]byte, error){
	name + ".rb":   formula,
	name + ".json": scoop,
}

// address is where a release has a file.
func address(version, file string) string {
	return homepage + "/releases/download/" + version + "/" + file
}

// The formula links the plugin to where the Docker CLI finds it if Homebrew is in
// /usr/local, and says what to do if it is elsewhere, as that of docker-buildx does.
var formulaText = template.Must(template.New("").Delims("<<", ">>").Parse(`class DockerPullsafe < Formula
  desc "<<.Description>>"
  homepage "<<.Homepage>>"
  version "<<.Version>>"
  license "Apache-2.0"
<<range .Systems>>
  on_<<.Name>> do
<<- range .Archives>>
    on_<<.CPU>> do
      url "<<.URL>>"
      sha256 "<<.SHA256>>"
    end
<<- end>>
  end
<<end>>
  def install
    bin.install "docker-pullsafe"
    (lib/"docker/cli-plugins").install_symlink bin/"docker-pullsafe"
  end

  def caveats
    <<"<<">>~EOS
      For Docker to find the plugin, add "cliPluginsExtraDirs" to ~/.docker/config.json:
        "cliPluginsExtraDirs": ["#{HOMEBREW_PREFIX}/lib/docker/cli-plugins"]
      It also runs by its own name: docker-pullsafe check
    EOS
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/docker-pullsafe version")
  end
end
`))

type system struct {
	Name     string
	Archives []archived
}

type archived struct{ CPU, URL, SHA256 string }

// formula is Homebrew's.
func formula(version string, s sums) ([]byte, error) {
	var systems []system
	for _, goos := range []string{"darwin", "linux"} {
		one := system{Name: map[string]string{"darwin": "macos", "linux": "linux"}[goos]}
		for _, arch := range []string{"arm64", "amd64"} {
			file := archiveName(goos, goos+"-"+arch)
			if s[file] == "" {
				return nil, errors.Errorf("%s is missing", file)
			}
			one.Archives = append(one.Archives, archived{
				CPU: map[string]string{"arm64": "arm", "amd64": "intel"}[arch], URL: address(version, file), SHA256: s[file],
			})
		}
		systems = append(systems, one)
	}
	var b bytes.Buffer
	err := formulaText.Execute(&b, map[string]any{
		"Description": description, "Homepage": homepage, "Version": strings.TrimPrefix(version, "v"), "Systems": systems,
	})
	return b.Bytes(), errors.WithStack(err)
}

// scoopArchive is what Scoop gets on one architecture.
type scoopArchive struct {
	URL  string `json:"url"`
	Hash string `json:"hash"`
}

// scoopManifest is Scoop's (https://github.com/ScoopInstaller/Scoop/wiki/App-Manifests).
type scoopManifest struct {
	Version      string                  `json:"version"`
	Description  string                  `json:"description"`
	Homepage     string                  `json:"homepage"`
	License      string                  `json:"license"`
	Architecture map[string]scoopArchive `json:"architecture"`
	Bin          string                  `json:"bin"`
	PostInstall  []string                `json:"post_install"`
	Uninstaller  map[string][]string     `json:"uninstaller"`
	Checkver     map[string]string       `json:"checkver"`
}

// scoop is the manifest for Windows. The Docker CLI searches a folder of the user,
// so the program is copied there: a link needs rights that users do not have.
func scoop(version string, s sums) ([]byte, error) {
	const plugins = `$plugins = Join-Path $(if ($env:DOCKER_CONFIG) { $env:DOCKER_CONFIG } else { Join-Path $env:USERPROFILE '.docker' }) 'cli-plugins'`
	m := scoopManifest{
		Version: strings.TrimPrefix(version, "v"), Description: description, Homepage: homepage, License: "Apache-2.0",
		Architecture: map[string]scoopArchive{}, Bin: name + ".exe",
		PostInstall: []string{
			plugins,
			`New-Item -ItemType Directory -Force -Path $plugins | Out-Null`,
			`Copy-Item (Join-Path $dir '` + name + `.exe') $plugins -Force`,
		},
		Uninstaller: map[string][]string{"script": {
			plugins,
			`Remove-Item (Join-Path $plugins '` + name + `.exe') -Force -ErrorAction SilentlyContinue`,
		}},
		Checkver: map[string]string{"github": homepage},
	}
	for arch, scoopArch := range map[string]string{"amd64": "64bit", "arm64": "arm64"} {
		file := archiveName("windows", "windows-"+arch)
		if s[file] == "" {
			return nil, errors.Errorf("%s is missing", file)
		}
		m.Architecture[scoopArch] = scoopArchive{URL: address(version, file), Hash: s[file]}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "    ")
	err := enc.Encode(m)
	return b.Bytes(), errors.WithStack(err)
}
