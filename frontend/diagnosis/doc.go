// Package diagnosis turns the error text of a failed image resolution into a
// Diagnosis, and the diagnoses of several tries into the words a person reads.
//
// Registry failures reach a frontend as text only: the gateway carries neither
// the HTTP status nor a typed error. The text is untrusted and mixed: BuildKit's
// own phrases, the host and path of a URL, the name of the image, and whatever
// the registry chose to say. A search for "denied" or "403" anywhere in it is
// therefore wrong, and once was fatal: it took a source policy's denial for a
// refusal by the registry and built the denied image.
//
// So a text is read in three steps:
//
//	text.go     bounds the input, drops the noise of build logs, joins lines
//	            that a terminal wrapped (a few readings of one text)
//	facts.go    takes it apart at BuildKit's own phrases: which token was asked
//	            for, HTTP status, the HTTP client's error, the registry's words
//	matchers.go one ordered table over those facts; the first row that holds in
//	            any reading gives the class
//
// Then registries.go (what is known of a registry) and words.go (every sentence
// a user can read) give the remedies (remedies.go), and conclude.go says what the tries as
// written and without credentials mean together. A guess is never worded as a
// fact: when both tries were refused, an expired login is not known.
//
// The package opens no connection, reads no file and keeps no state.
package diagnosis
