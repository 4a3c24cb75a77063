// Command trivydb writes a database for Trivy from facts, by Trivy's own module: trivydb FOLDER < FACTS.
//
// A fact is a line `TYPE NAME FIXED ID` with tabs between; the package is affected before FIXED.
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/aquasecurity/trivy-db/pkg/db"
	"github.com/aquasecurity/trivy-db/pkg/metadata"
	"github.com/aquasecurity/trivy-db/pkg/types"
	bolt "go.etcd.io/bbolt"
)

// Sources as Trivy's detectors look for them.
var sources = map[string]string{
	"deb":    "debian 12",
	"npm":    "npm::GitHub Security Advisory npm",
	"pypi":   "pip::GitHub Security Advisory pip",
	"maven":  "maven::GitHub Security Advisory Maven",
	"golang": "go::GitHub Security Advisory Go",
	"cargo":  "cargo::GitHub Security Advisory Rust",
	"gem":    "rubygems::GitHub Security Advisory RubyGems",
}

func main() {
	if err := run(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func run(folder string) error {
	if err := db.Init(folder); err != nil {
		return err
	}
	config := db.Config{}
	err := config.BatchUpdate(func(tx *bolt.Tx) error {
		for _, source := range sources {
			if err := config.PutDataSource(tx, source, types.DataSource{ID: "ghsa", Name: source}); err != nil {
				return err
			}
		}
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			if err := put(config, tx, strings.Split(lines.Text(), "\t")); err != nil {
				return err
			}
		}
		return lines.Err()
	})
	if err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	now := time.Now()
	later := now.AddDate(10, 0, 0)
	return metadata.NewClient(folder).Update(metadata.Metadata{
		Version: db.SchemaVersion, NextUpdate: later, UpdatedAt: now, DownloadedAt: now,
	})
}

func put(config db.Config, tx *bolt.Tx, fact []string) error {
	if len(fact) != 4 {
		return fmt.Errorf("not a fact: %q", fact)
	}
	kind, name, fixed, id := fact[0], fact[1], fact[2], fact[3]
	advisory := types.Advisory{FixedVersion: fixed}
	if kind != "deb" {
		advisory = types.Advisory{VulnerableVersions: []string{"< " + fixed}, PatchedVersions: []string{fixed}}
	}
	if err := config.PutAdvisory(tx, []string{sources[kind], name}, id, advisory); err != nil {
		return err
	}
	return config.PutVulnerability(tx, id, types.Vulnerability{Title: "A made-up advisory", Severity: "HIGH"})
}
