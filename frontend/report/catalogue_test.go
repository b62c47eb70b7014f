package report_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/registry"
	"github.com/org/pullsafe/frontend/report"
)

// catalogue is the page that explains every message to users. What the code
// knows, its tables write there: with -update, and else the page must be as
// they would write it.
const catalogue = "../../docs/messages.md"

// explained is what no table says of a class: its cause, and what to do, in more
// words than an error has room for.
var explained = map[diagnosis.Class]struct{ ref, cause, remedy string }{
	diagnosis.CredentialsRejected: {
		"ghcr.io/acme/base:1.4",
		"Credentials for this registry are stored on the machine where `docker` ran, and the registry rejected them: they have expired, were revoked, or lack a permission that the registry requires. Registries do this even for public images.",
		"If the images are public, log out. Otherwise log in with credentials that are valid and may read the image.",
	},
	diagnosis.AuthRequired: {
		"nvcr.io/acme/base:1.4",
		"No credentials for this registry were sent, and it denied anonymous access. Either none are stored, or they are stored under another spelling of the host (a port, another letter case).",
		"Log in, or correct the name: many registries answer the same for an image that does not exist.",
	},
	diagnosis.DeniedAmbiguous: {
		"reg.example.com/base:1.4",
		"The registry denied access, and its answer does not show whether credentials were sent. Registries with Basic authentication, and Amazon ECR Public, answer this way.",
		"Log in with credentials that may read the image, or log out if it is public.",
	},
	diagnosis.CredentialHelper: {
		"ghcr.io/acme/base:1.4",
		"`config.json` names a program (`credsStore` or `credHelpers`) that keeps the credentials, and it could not be run or failed: it is not installed on this machine, the keychain is locked, or there is no desktop session. The registry got no credentials.",
		"Repair the program, or remove its entry from `config.json`.",
	},
	diagnosis.RateLimited: {
		"docker.io/library/alpine:3.23",
		"Too many requests from this address, or with this account. pullsafe does not repeat such a request: that would make it worse.",
		"Wait, log in (most registries allow an account more than an address), or use a mirror.",
	},
	diagnosis.NotFound: {
		"docker.io/library/alpine:nope",
		"The registry does not have the image or the tag. Some registries say this about private images as well.",
		"Look for a typo in name and tag. If the image is private, log in.",
	},
	diagnosis.NoMatchingPlatform: {
		"docker.io/library/alpine:3.23",
		"The image exists, but not for the platform that is built for.",
		"Build for another platform (`--platform`), or choose another image.",
	},
	diagnosis.NetworkFailure: {
		"docker.io/library/alpine:3.23",
		"No connection, or it broke. The line says from where: the *client*, where `docker` runs, asks for tokens; the *builder*, the BuildKit daemon, asks for everything else. They may be on different machines with different proxies.",
		"Check DNS, proxy, VPN and firewall on that side.",
	},
	diagnosis.TLSFailure: {
		"localhost:5000/a:1",
		"A connection was made, but the certificate is not trusted, or the server does not speak TLS.",
		"Give the builder the registry's CA, or say that it speaks plain HTTP, in `buildkitd.toml` or `daemon.json`. pullsafe never goes from TLS to plain HTTP.",
	},
	diagnosis.RegistryOutage: {
		"mcr.microsoft.com/a:8.0",
		"The registry or its token service returned a server error (5xx and the like). It has nothing to do with credentials.",
		"Wait and build again; look at the registry's status page.",
	},
	diagnosis.PolicyDenied: {
		"ghcr.io/acme/base:1.4",
		"A source policy of this build (`EXPERIMENTAL_BUILDKIT_SOURCE_POLICY`, `Dockerfile.rego`, `--policy`), or a rule of the registry's organization, forbids the image. A policy's verdict is final: it never leads to an anonymous fallback.",
		"Use an image that is allowed, or have the policy changed.",
	},
	diagnosis.InvalidReference: {
		"A",
		"The name of the image is not a reference. Often an `ARG` in `FROM` has no value, or was declared below the first `FROM`.",
		"Correct the name.",
	},
	diagnosis.Canceled: {
		"docker.io/library/alpine:3.23",
		"The build was interrupted, or another part of it failed before this image was known.",
		"Nothing, if you interrupted it.",
	},
	diagnosis.NotARegistryError: {
		"docker.io/library/alpine:3.23",
		"A text that pullsafe does not recognise. It is shown unchanged.",
		"Read it. If it is an answer of a registry, please report it: see [CONTRIBUTING.md](../CONTRIBUTING.md#adding-things).",
	},
}

// afterwards says when a headline has which second half, in the order of the page.
var afterwards = []struct {
	class diagnosis.Class // of the anonymous fallback
	when  string
}{
	{diagnosis.AuthRequired, "The registry denies access to everybody"},
	{diagnosis.NotFound, "The registry, or a proxy in front of it that does not know the host alias, says that there is no such image"},
	{diagnosis.NoMatchingPlatform, "The registry has the image, but not for this platform"},
	{diagnosis.RateLimited, "Too many requests from this address"},
	{diagnosis.CredentialsRejected, "Credentials were found for the host alias too: by a helper that answers for any host, or because a login is stored for it"},
	{diagnosis.PolicyDenied, "A source policy does not allow the host alias"},
	{diagnosis.TLSFailure, "The builder's trust is set for the host as written only"},
	{diagnosis.NetworkFailure, "No connection"},
	{diagnosis.RegistryOutage, "The registry returns a server error"},
	{diagnosis.Canceled, "The build was interrupted"},
}

func TestCatalogue(t *testing.T) {
	page, err := os.ReadFile(catalogue)
	require.NoError(t, err)
	text := string(page)
	for section, want := range map[string]string{"index": classIndex(t), "classes": classSections(t), "fallback": fallbacks(t), "registries": registryTable()} {
		begin, end := "<!-- begin "+section+":", "\n<!-- end "+section+" -->"
		_, rest, ok := strings.Cut(text, begin)
		require.True(t, ok, section)
		note, rest, _ := strings.Cut(rest, "\n")
		got, _, ok := strings.Cut(rest, end)
		if got == rest {
			got, _, ok = strings.Cut("\n"+rest, end)
		}
		require.True(t, ok, section)
		if *update {
			text = strings.Replace(text, begin+note+"\n"+strings.TrimPrefix(got+end, "\n"), begin+note+"\n"+strings.TrimSpace(want)+end, 1)
			continue
		}
		require.Equal(t, strings.TrimSpace(want), strings.TrimSpace(got), "%s is not as the code has it: run this test with -update", catalogue)
	}
	if *update {
		require.NoError(t, os.WriteFile(catalogue, []byte(text), 0o644))
	}
}

// classes are the constants of the type Class, as declared.
func classes(t *testing.T) []diagnosis.Class {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../diagnosis/diagnosis.go", nil, 0)
	require.NoError(t, err)
	var list []diagnosis.Class
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == "Class" {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			list = append(list, diagnosis.Class(value))
		}
		return true
	})
	require.NotEmpty(t, list)
	return list
}

func classSections(t *testing.T) string {
	t.Helper()
	all := classes(t)
	require.Len(t, explained, len(all))
	var b strings.Builder
	for _, class := range all {
		about, ok := explained[class]
		require.True(t, ok, "the class %q is not explained", class)
		fmt.Fprintf(&b, "### %s\n\n%s\n\n", class, about.cause)
		examples := diagnosis.Examples(class)
		require.NotEmpty(t, examples, "no row of matchers has the class %q", class)
		fmt.Fprintf(&b, "What BuildKit or Docker Engine says:\n\n```text\n%s\n```\n\n", strings.Join(examples, "\n"))
		first := report.Explain(attempts(about.ref, examples[0]))
		if class != diagnosis.NotARegistryError {
			require.Equal(t, class, first.Class)
			fmt.Fprintf(&b, "What pullsafe says, for the first of them about `%s`:\n\n```text\n%s\n%s```\n\n", about.ref, first.Headline, indented(first.Remedies))
		}
		again := "no"
		if first.AnonymousRetryCanHelp {
			again = "yes, [what then](#after-the-anonymous-fallback)"
		}
		fmt.Fprintf(&b, "**Anonymous fallback:** %s. **What to do:** %s\n\n", again, about.remedy)
	}
	return b.String()
}

// classIndex leads from what pullsafe says to the section about it.
func classIndex(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| The error or the report says | Cause |\n|---|---|\n")
	for _, class := range classes(t) {
		if class == diagnosis.NotARegistryError {
			continue // no words of ours
		}
		examples := diagnosis.Examples(class)
		require.NotEmpty(t, examples, "no row of matchers has the class %q", class)
		r := attempts(explained[class].ref, examples[0])
		r.Written.Message = ""
		said := report.Explain(r).Headline
		if r.Written.Host != "" {
			said = strings.ReplaceAll(said, r.Written.Host, "HOST")
		}
		fmt.Fprintf(&b, "| %s | [%s](#%s) |\n", said, class, class)
	}
	return b.String()
}

// indented are remedies as an error shows them.
func indented(remedies []report.Remedy) string {
	var b strings.Builder
	for _, r := range remedies {
		switch {
		case r.Command == "":
			b.WriteString("  " + r.Note + "\n")
		case r.Note == "":
			b.WriteString("  " + r.Command + "\n")
		default:
			b.WriteString("  " + r.Command + "    # " + r.Note + "\n")
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "\n" + b.String()
}

// fallbacks takes its cases from the truth table.
func fallbacks(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, a := range afterwards {
		i := slices.IndexFunc(conclusions, func(tc struct {
			name, ref, written string
			without            []string
		},
		) bool {
			return len(tc.without) > 0 && diagnosis.Diagnose(tc.ref, tc.written).Class == diagnosis.CredentialsRejected &&
				diagnosis.Diagnose(tc.ref, tc.without[len(tc.without)-1]).Class == a.class
		})
		require.GreaterOrEqual(t, i, 0, "no conclusion for %s", a.class)
		tc := conclusions[i]
		c := report.Explain(attempts(tc.ref, tc.written, tc.without...))
		fmt.Fprintf(&b, "**%s:**\n\n```text\n%s\n%s```\n\n", a.when, c.Headline, indented(c.Remedies))
	}
	for _, class := range classes(t) {
		said := slices.ContainsFunc(afterwards, func(a struct {
			class diagnosis.Class
			when  string
		},
		) bool {
			return a.class == class
		})
		// These have the words of their neighbours, or no words of ours.
		other := []diagnosis.Class{diagnosis.DeniedAmbiguous, diagnosis.CredentialHelper, diagnosis.InvalidReference, diagnosis.NotARegistryError}
		require.True(t, said || slices.Contains(other, class), "%s after the anonymous fallback is not explained", class)
	}
	const base, unsaid = "ghcr.io/acme/base:1.4", "unexpected status from HEAD request to https://reg.example.com/v2/base/manifests/1.4: 401 Unauthorized"
	denied := diagnosis.Diagnose(base, `source "docker-image://ghcr.io/acme/base:1.4@sha256:aa" not allowed by policy: action DENY`)
	policy, off, strict := attempts(base, ghcrRejected), attempts(base, ghcrRejected), fellBack(t, base, ghcrRejected)
	policy.Policy, off.Off, strict.Strict = &denied, true, true
	for _, last := range []struct {
		when string
		c    report.Conclusion
	}{
		{"The registry denies access to everybody, and did not say whether credentials were sent", byName(t, "ambiguous, refused too")},
		{"No host alias is served: what stands in front of the registry knows its usual name only", byName(t, "rejected, no alias served")},
		{"A proxy redirects the host alias to the usual name, for which the credentials are sent again", byName(t, "rejected, alias redirected back")},
		{"The host alias leads to another host, which fails", byName(t, "rejected, alias redirected elsewhere")},
		{"The credential helper knows the registry, and fails for the host alias", byName(t, "rejected, helper fails")},
		{"The registry did not say whether credentials were sent, and the helper failed for the host alias", byName(t, "ambiguous, helper answers")},
		{"The helper of this host failed, and the registry denies anonymous access", byName(t, "helper, refused")},
		{"The helper failed for the host alias too", byName(t, "helper, helper")},
		{"The helper failed, and answers for the host alias", byName(t, "helper, credentials for the alias")},
		{"`--call=preflight` says of an image that the fallback resolved", report.Explain(fellBack(t, base, ghcrRejected))},
		{"The same, when the registry did not say whether credentials were sent", report.Explain(fellBack(t, "reg.example.com/base:1.4", unsaid))},
		{"The same, when the helper failed", report.Explain(fellBack(t, base, brokenHelper))},
		{"The fallback resolved the image, and a policy does not allow it", report.Explain(policy)},
		{"The fallback resolved the image, and `strict` does not allow that", report.Explain(strict)},
		{"The fallback is switched off (`retry=off`, or `hosts` without this host)", report.Explain(off)},
	} {
		fmt.Fprintf(&b, "**%s:**\n\n```text\n%s\n%s```\n\n", last.when, last.c.Headline, indented(last.c.Remedies))
	}
	return b.String()
}

// byName is a case of the truth table.
func byName(t *testing.T, name string) report.Conclusion {
	t.Helper()
	for _, tc := range conclusions {
		if tc.name == name {
			return report.Explain(attempts(tc.ref, tc.written, tc.without...))
		}
	}
	require.Fail(t, "no conclusion "+name)
	return report.Conclusion{}
}

func registryTable() string {
	var b strings.Builder
	b.WriteString("| Registry | Hosts | Command | Notes |\n|---|---|---|---|\n")
	code := func(s string) string { return "`" + strings.ReplaceAll(s, "|", `\|`) + "`" }
	for _, r := range registry.All() {
		hosts := make([]string, len(r.Hosts))
		for i, h := range r.Hosts {
			hosts[i] = code(h)
		}
		command := r.Login
		if command == "" {
			command = "docker login %s"
		}
		command = code(strings.ReplaceAll(command, "%s", "HOST"))
		if r.NoLogin {
			command = "none: it has no login"
		}
		var notes []string
		for _, n := range []struct {
			say  bool
			text string
		}{
			{r.LoginNote != "", r.LoginNote},
			{r.PrivateOnly, "no anonymous access"},
			{r.Limit != "", r.Limit},
		} {
			if n.say {
				notes = append(notes, n.text)
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.Name, strings.Join(hosts, ", "), command, strings.Join(notes, "; "))
	}
	return b.String()
}
