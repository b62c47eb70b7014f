package buildlog

import (
	"regexp"
	"strings"
	"sync"

	"github.com/distribution/reference"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/registry"
)

// maxName bounds the name of an image and that of a registry host, in bytes. A longer
// one is none: no registry serves it.
const maxName = 512

// imageName is the first word of s where it is an image that can be pulled.
func imageName(s string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(s), " ")
	word = strings.TrimSuffix(strings.TrimSuffix(word, "..."), ":")
	word = strings.TrimPrefix(word, "docker-image://")
	if word == "" || word == "scratch" || strings.ContainsAny(word, "$\"'`") {
		return ""
	}
	return parsed(word)
}

// parsed is a name that is a reference, or "".
func parsed(name string) string {
	if len(name) > maxName {
		return ""
	}
	if _, err := reference.ParseNormalizedNamed(name); err != nil {
		return ""
	}
	return name
}

// isFullReference: BuildKit and our warnings have the registry host in every name.
func isFullReference(word string) bool {
	host, _, ok := strings.Cut(word, "/")
	if !ok || len(word) > maxName {
		return false
	}
	named, err := reference.ParseNormalizedNamed(word)
	return err == nil && reference.Domain(named) == host
}

// hostForm has no character that means anything to a shell, and no option begins so.
var hostForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z0-9_\[][A-Za-z0-9_.:\[\]-]*$`)
})

// checkedHost is host where it can be one, else "": it becomes a part of commands.
func checkedHost(host string) string {
	if len(host) > maxName || !hostForm().MatchString(host) {
		return ""
	}
	return host
}

// hostKey is the same for all spellings of the host of an image; "" for none.
func hostKey(image string) string {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return ""
	}
	return strings.ToLower(registry.Canonical(reference.Domain(named)))
}

// instructionImage is the image that a Dockerfile's instruction names literally.
func instructionImage(text string) string {
	fields := strings.Fields(text)
	if len(fields) < 2 {
		return ""
	}
	switch strings.ToUpper(fields[0]) {
	case "FROM":
		for _, f := range fields[1:] {
			if !strings.HasPrefix(f, "--") {
				return imageName(f)
			}
		}
	case "COPY", "ADD", "RUN":
		for _, f := range fields[1:] {
			if !strings.HasPrefix(f, "--") {
				break
			}
			if _, from, ok := strings.Cut(f, "from="); ok {
				from, _, _ = strings.Cut(from, ",")
				return imageName(from)
			}
		}
	}
	return ""
}

// imageKey is the same for all spellings of an image.
type imageKey struct {
	class diagnosis.Class // of a failure of the image, where this matters
	name  string
	tag   string // or digest; empty where the text has none
}

func keyOf(ref string) imageKey {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return imageKey{name: " " + ref} // which is no name
	}
	k := imageKey{name: strings.ToLower(named.Name())}
	if t, ok := named.(reference.Tagged); ok {
		k.tag = t.Tag()
	} else if d, ok := named.(reference.Digested); ok {
		k.tag = d.Digest().String()
	}
	return k
}

// anyTag is where a name without a tag finds an image: it can be any of them.
const anyTag = "*"

// byImage finds what was put under an image.
type byImage[T any] map[imageKey]T

func (m byImage[T]) put(k imageKey, v T) {
	m[k] = v
	k.tag = anyTag
	m[k] = v
}

func (m byImage[T]) get(k imageKey) (T, bool) {
	if k.tag == "" {
		k.tag = anyTag
	} else if v, ok := m[k]; ok {
		return v, true
	} else {
		k.tag = ""
	}
	v, ok := m[k]
	return v, ok
}

// sameImage compares two names of images; one without a tag is any of them.
func sameImage(a, b string) bool {
	x, y := keyOf(a), keyOf(b)
	return x.name == y.name && (x.tag == "" || y.tag == "" || x.tag == y.tag)
}
