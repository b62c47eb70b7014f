// Command packages makes what users install of the Docker CLI plugin: a deb, rpm
// and apk for each Linux, an archive for each platform, the checksums of all, and
// for Homebrew and Scoop a formula and a manifest that name these checksums.
//
//	packages -version v1.2.3 -binaries bin/release -output bin/packages
//
// It packs programs that were built before, one folder per platform, as
// `docker buildx bake plugin-cross` and `make packages` write them. The time of
// every file is SOURCE_DATE_EPOCH, so that the same programs give the same
// packages. nfpm writes the Linux packages; no script runs at their installation.
package main
