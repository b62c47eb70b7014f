package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker/auth"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/llb"
	"github.com/org/pullsafe/plugin/probe"
)

// Line is what to write into the configuration of a proxy.
type Line struct {
	Proxy string `json:"proxy"`
	Line  string `json:"line"`
	Note  string `json:"note"`
}

// envoy ignores letter case as it is.
const envoy = "Envoy"

// ProxyLines are those with which a proxy knows a registry host under its aliases.
func ProxyLines(host string) []Line {
	name, port, ok := strings.Cut(host, ":")
	if !ok || strings.HasPrefix(host, "[") {
		name, port = host, "443"
	}
	regex := strings.ReplaceAll(name, ".", `\.`)
	return []Line{
		{"nginx", "server_name " + name + ";", "ignores letter case and port, as $host does; do not compare $http_host"},
		{"HAProxy", "acl registry hdr(host),field(1,:) -i " + name, "and -i with ssl_fc_sni and req.ssl_sni; in a map file: hdr(host),field(1,:),lower"},
		{envoy, "ignore_port_in_host_matching: true", "in the route_config; domains ignore letter case already"},
		{"Varnish", fmt.Sprintf(`if (req.http.host ~ "(?i)^%s(:0*%s)?$")`, regex, strings.TrimLeft(port, "0")), "instead of comparing the host with == or !="},
	}
}

// RegistryTable writes for an administrator what a registry answers under its aliases.
func RegistryTable(w io.Writer, all []*probe.Registry, color bool) error {
	var b strings.Builder
	for i, r := range all {
		if i > 0 {
			b.WriteByte('\n')
		}
		writeRegistry(&b, r, color)
	}
	_, err := io.WriteString(w, b.String())
	return errors.WithStack(err)
}

func writeRegistry(b *strings.Builder, r *probe.Registry, color bool) {
	g := report.Grid{report.Row("HOST", "KIND", "GET /v2/", "SERVED")}
	g = append(g, report.Row(r.AsWritten.Host, "as written", answer(&r.AsWritten), ""))
	for i := range r.Aliases {
		a := &r.Aliases[i]
		row := report.Row(a.Host, string(a.Kind), answer(a), "")
		switch {
		case !r.Works():
			row[3] = cell("?", "")
		case a.Same:
			row[3] = cell("yes", green)
		default:
			row[3] = cell("no", red)
		}
		g = append(g, row)
	}
	writeGrid(b, g, color)
	b.WriteByte('\n')
	served := r.Served()
	host := diagnosis.Clean(r.Host, maxCell)
	switch {
	case !r.Works():
		b.WriteString(host + " does not respond as a registry, so its host aliases cannot be checked.\n")
		return
	case len(r.Aliases) == 0:
		b.WriteString(host + " has no aliases.\n")
	case len(served) == 0:
		b.WriteString("No host alias of " + host + " is served: when stored credentials are rejected, builds with pullsafe cannot fall back to anonymous pulls.\n")
	default:
		b.WriteString("When stored credentials are rejected, builds with pullsafe pull from " + host + " anonymously under the alias " + diagnosis.Clean(served[0].Host, maxCell) + ".\n")
	}
	if len(served) < len(r.Aliases) {
		writeLines(b, r)
	}
}

// writeLines says what to change in a proxy.
func writeLines(b *strings.Builder, r *probe.Registry) {
	missing := func(kinds ...llb.Kind) bool {
		return slices.ContainsFunc(r.Aliases, func(a probe.Answer) bool { return !a.Same && slices.Contains(kinds, a.Kind) })
	}
	var how []string
	if missing(llb.LetterCase) || !missing(llb.Port) {
		how = append(how, "without letter case")
	}
	if missing(llb.Port) || !missing(llb.LetterCase) {
		how = append(how, "without the port")
	}
	b.WriteString("To serve them all, match the host in the proxy " + strings.Join(how, " and ") + ":\n\n")
	var g report.Grid
	for _, l := range ProxyLines(r.Host) {
		if l.Proxy == envoy && !missing(llb.Port) {
			continue
		}
		g = append(g, report.Row(l.Proxy, l.Line, "# "+l.Note))
	}
	g.Write(b, "  ", gap)
}

// answer is an answer to GET /v2/ in a cell.
func answer(a *probe.Answer) string {
	var text string
	switch {
	case a.Status == 0 && a.Class == diagnosis.TLSFailure:
		return "TLS failed: " + diagnosis.Clean(a.Err, maxCell)
	case a.Status == 0:
		return "no response: " + diagnosis.Clean(a.Err, maxCell)
	default:
		text = strings.TrimSpace(fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status)))
	}
	switch {
	case a.Location != "":
		text += ", to " + diagnosis.Clean(a.Location, maxCell)
	case a.Scheme == auth.BearerAuth:
		text += ", tokens from " + diagnosis.Clean(a.Realm, maxCell)
	case a.Scheme == auth.BasicAuth:
		text += ", Basic"
	}
	return text
}

// registryDocument is the JSON form.
type registryDocument struct {
	Version    string         `json:"version"`
	Registries []registryInfo `json:"registries"`
}

type registryInfo struct {
	Host string `json:"host"`
	// Registry tells whether the host as written answers as one.
	Registry bool `json:"registry"`
	// Alias is the host alias by which builds with pullsafe fall back.
	Alias     string        `json:"alias,omitempty"`
	AsWritten hostAnswer    `json:"asWritten"`
	Aliases   []aliasAnswer `json:"aliases"`
	// Proxy are lines for proxies, where not all aliases are served.
	Proxy []Line `json:"proxy,omitempty"`
}

type hostAnswer struct {
	Host     string          `json:"host"`
	Status   int             `json:"httpStatus,omitempty"` // absent where there was no answer
	Error    string          `json:"error,omitempty"`
	Class    diagnosis.Class `json:"class,omitempty"` // of the error
	Scheme   string          `json:"scheme,omitempty"`
	Realm    string          `json:"realm,omitempty"`
	Location string          `json:"location,omitempty"`
}

type aliasAnswer struct {
	hostAnswer

	Kind   llb.Kind `json:"kind"`
	Served bool     `json:"served"`
}

// RegistryJSON writes one indented object.
func RegistryJSON(w io.Writer, all []*probe.Registry) error {
	doc := registryDocument{Version: report.Version, Registries: []registryInfo{}}
	for _, r := range all {
		info := registryInfo{Host: r.Host, Registry: r.Works(), AsWritten: newHostAnswer(&r.AsWritten), Aliases: []aliasAnswer{}}
		served := r.Served()
		if len(served) > 0 {
			info.Alias = served[0].Host
		}
		for i := range r.Aliases {
			a := &r.Aliases[i]
			info.Aliases = append(info.Aliases, aliasAnswer{newHostAnswer(a), a.Kind, a.Same && r.Works()})
		}
		if r.Works() && len(served) < len(r.Aliases) {
			info.Proxy = ProxyLines(r.Host)
		}
		doc.Registries = append(doc.Registries, info)
	}
	return writeJSON(w, doc)
}

func newHostAnswer(a *probe.Answer) hostAnswer {
	h := hostAnswer{Host: a.Host, Status: a.Status, Error: diagnosis.Clean(a.Err, maxCell), Class: a.Class, Realm: a.Realm, Location: a.Location}
	switch a.Scheme {
	case auth.BearerAuth:
		h.Scheme = "bearer"
	case auth.BasicAuth:
		h.Scheme = "basic"
	case auth.DigestAuth:
		h.Scheme = "digest"
	}
	return h
}

// writeJSON writes one indented object.
func writeJSON(w io.Writer, doc any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(doc); err != nil {
		return errors.Wrap(err, "failed to marshal the report")
	}
	_, err := w.Write(diagnosis.PrintableJSON(b.Bytes()))
	return errors.Wrap(err, "failed to write the report")
}
