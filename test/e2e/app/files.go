package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"unicode/utf8"
)

type file struct {
	Path   string `json:"path"`
	Mode   string `json:"mode"`
	Size   int64  `json:"size"`
	Sha256 string `json:"sha256"`
	// Absent for what is no text.
	Text  string `json:"text,omitempty"`
	Error string `json:"error,omitempty"`
}

// Prints what a volume holds, as the application sees it: links are followed, names that begin with two dots belong to
// whoever writes the volume.
func files(ctx context.Context, args []string) {
	set := flag.NewFlagSet("files", flag.ExitOnError)
	stay := set.Bool("stay", false, "wait for SIGTERM then")
	set.Parse(args)
	found := []file{}
	for _, root := range set.Args() {
		walk(root, "", &found)
	}
	sort.Slice(found, func(one, other int) bool { return found[one].Path < found[other].Path })
	json.NewEncoder(os.Stdout).Encode(map[string]any{"files": found})
	if *stay {
		<-ctx.Done()
	}
}

func walk(root, below string, found *[]file) {
	entries, err := os.ReadDir(filepath.Join(root, below))
	if err != nil {
		*found = append(*found, file{Path: below, Error: err.Error()})
		return
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), "..") {
			continue
		}
		path := filepath.Join(below, entry.Name())
		about, err := os.Stat(filepath.Join(root, path))
		switch {
		case err != nil:
			*found = append(*found, file{Path: path, Error: err.Error()})
		case about.IsDir():
			walk(root, path, found)
		default:
			*found = append(*found, read(root, path, about))
		}
	}
}

func read(root, path string, about fs.FileInfo) file {
	got := file{Path: path, Mode: fmt.Sprintf("%04o", about.Mode().Perm()), Size: about.Size()}
	content, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		got.Error = err.Error()
		return got
	}
	sum := sha256.Sum256(content)
	got.Sha256 = hex.EncodeToString(sum[:])
	if utf8.Valid(content) {
		got.Text = string(content)
	}
	return got
}

// Prints variables of the environment, one JSON object.
func env(args []string) {
	values := map[string]string{}
	for _, name := range args {
		values[name] = os.Getenv(name)
	}
	json.NewEncoder(os.Stdout).Encode(values)
}
