// Package diagnosis turns one error text of a failed image resolution into facts
// and a class: a [Diagnosis]. It has no words for people, and knows nothing of logs;
// what several answers mean together, and what to do, is package report's to say.
//
// Registry failures reach a frontend as text only: the gateway carries neither
// the HTTP status nor a typed error. The text is untrusted and mixed: BuildKit's
// own phrases, the host and path of a URL, the name of the image, and whatever
// the registry chose to say. A search for "denied" or "403" anywhere in it is
// therefore wrong, and once was fatal: it took a source policy's denial for a
// refusal by the registry and built the denied image.
//
// So a text is read in these steps:
//
//	text.go      bounds the input, folds its lines, strips what tools put before
//	             BuildKit's error
//	facts.go     takes it apart at BuildKit's own phrases: which token was asked
//	             for, the HTTP client's error, the registry's words (status.go: the
//	             HTTP status; hosts.go: hosts and names of images)
//	matchers.go  one ordered table over those facts; the first row that holds gives
//	             the class
//	answer.go    what the text says of the credentials, and the registry's words
//	clean.go     makes words fit to be printed
//
// The package opens no connection, reads no file and keeps no state.
package diagnosis
