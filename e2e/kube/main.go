// One program that is, by the name under which it is started, a part of a Kubernetes control plane: the tests of the
// audit rules run it as `etcd`, `kube-apiserver`, `kube-controller-manager` and `kubectl`, each unchanged. `kubelet` is
// ours: see kubelet.go.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

func main() {
	parts := map[string]func() *cobra.Command{
		"kube-apiserver":          apiserver.NewAPIServerCommand,
		"kube-controller-manager": controllers.NewControllerManagerCommand,
		"kubectl":                 kubectl.NewDefaultKubectlCommand,
		"kubelet":                 newKubeletCommand,
	}
	name := filepath.Base(os.Args[0])
	if name == "etcd" {
		etcdmain.Main(os.Args)
		return
	}
	command, known := parts[name]
	if !known {
		fmt.Fprintf(os.Stderr, "start this under the name of a part of a control plane, not as %q\n", name)
		os.Exit(2)
	}
	os.Exit(cli.Run(command()))
}
