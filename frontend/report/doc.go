// Package report puts what is known of a build's references into the forms in
// which people and programs read it: the error of a build that failed, the table
// and the JSON of a preflight, the object in the metadata file.
//
// All of them start from one Report. Its JSON form is the schema that other
// programs may rely on; it carries a version, which changes when a field loses
// its meaning, not when one is added.
package report
