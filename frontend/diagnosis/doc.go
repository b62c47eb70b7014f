// Package diagnosis turns one error text of a failed image resolution into facts
// and a class: a [Diagnosis]. It has no words for people, and knows nothing of logs.
//
// Registry failures reach a frontend as text only, untrusted and mixed: BuildKit's
// own phrases, the host and path of a URL, the name of the image, and whatever the
// registry chose to say. A search for "denied" or "403" anywhere in it is therefore
// wrong, and once was fatal: it took a source policy's denial for one by the
// registry and built the denied image.
//
// So a text is bounded, folded and stripped of what tools put before BuildKit's
// error (text.go), then taken apart at BuildKit's own phrases (facts.go, status.go,
// hosts.go, named.go); the first row of one ordered table over those facts that holds gives
// the class (matchers.go), and its details tell causes of one class apart (detail.go);
// of what no registry said, they tell who spoke (other.go).
package diagnosis
