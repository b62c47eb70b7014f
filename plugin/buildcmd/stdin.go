package buildcmd

import (
	"archive/tar"
	"bytes"
	"io"

	"github.com/pkg/errors"
)

// maxStdin bounds a Dockerfile or a bake file that is read before the build.
const maxStdin = 16 << 20

// archiveHead is what has to be seen of an archive: the first block of a tar.
const archiveHead = 1024

// compressed are the beginnings of compressed archives that buildx takes (buildx,
// util/archiveutil).
var compressed = [][]byte{
	{0x42, 0x5a, 0x68},                   // bzip2
	{0x1f, 0x8b, 0x08},                   // gzip
	{0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00}, // xz
}

// Stdin is a standard input that has been looked at.
type Stdin struct {
	// Text is all of it, if that is text and ends; nil else.
	Text []byte
	// Reader gives it from the beginning, once.
	Reader io.Reader
}

// Again is the input from its beginning, each time; nil for no input that has been
// looked at. Of what is no text there is only one.
func (s *Stdin) Again() io.Reader {
	switch {
	case s == nil:
		return nil
	case s.Text != nil:
		return bytes.NewReader(s.Text)
	}
	return s.Reader
}

// Rewound is the input as if it had not been read, as far as that can be.
func (s *Stdin) Rewound() *Stdin {
	if s == nil {
		return nil
	}
	return &Stdin{Text: s.Text, Reader: s.Again()}
}

// ReadStdin reads a Dockerfile or a bake file. An archive is only looked at.
func ReadStdin(in io.Reader) (Stdin, error) {
	head := make([]byte, archiveHead)
	n, err := io.ReadFull(in, head)
	head = head[:n]
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return Stdin{}, errors.Wrap(err, "reading standard input")
	}
	if isArchive(head) {
		return Stdin{Reader: io.MultiReader(bytes.NewReader(head), in)}, nil
	}
	rest, err := io.ReadAll(io.LimitReader(in, maxStdin))
	if err != nil {
		return Stdin{}, errors.Wrap(err, "reading standard input")
	}
	text := make([]byte, 0, len(head)+len(rest)) // not nil
	text = append(append(text, head...), rest...)
	if len(rest) == maxStdin {
		return Stdin{Reader: io.MultiReader(bytes.NewReader(text), in)}, nil
	}
	return Stdin{Text: text, Reader: bytes.NewReader(text)}, nil
}

func isArchive(head []byte) bool {
	for _, magic := range compressed {
		if bytes.HasPrefix(head, magic) {
			return true
		}
	}
	_, err := tar.NewReader(bytes.NewReader(head)).Next()
	return err == nil
}
