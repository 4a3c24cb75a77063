module peers

go 1.26

require (
	github.com/anchore/grype v0.121.2
	github.com/aquasecurity/trivy-db v0.0.0-20260813095258-0e0340a01b57
)
