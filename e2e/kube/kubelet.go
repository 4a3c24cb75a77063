package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"
	remotecommandconsts "k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/cert"
	"k8s.io/kubelet/pkg/cri/streaming/portforward"
	streaming "k8s.io/kubelet/pkg/cri/streaming/remotecommand"
)

// No session of a test lasts longer.
const limit = time.Minute

// node answers what the API server asks of a node when somebody runs a command in a pod, attaches to it, reads its log or
// forwards a port: with the kubelet's own protocols, but nothing runs.
type node struct{}

func (node) ExecInContainer(_ context.Context, _ string, _ types.UID, _ string, command []string, _ io.Reader, out, _ io.WriteCloser, _ bool, _ <-chan remotecommand.TerminalSize, _ time.Duration) error {
	_, err := fmt.Fprintln(out, strings.Join(command, " "))
	return err
}

func (node) AttachContainer(_ context.Context, _ string, _ types.UID, _ string, _ io.Reader, out, _ io.WriteCloser, _ bool, _ <-chan remotecommand.TerminalSize) error {
	_, err := fmt.Fprintln(out, "attached")
	return err
}

func (node) PortForward(_ context.Context, _ string, _ types.UID, _ int32, stream io.ReadWriteCloser) error {
	_, err := fmt.Fprint(stream, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
	return err
}

func (n node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// /exec/NAMESPACE/POD[/CONTAINER]
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) < 3 {
		http.NotFound(w, r)
		return
	}
	pod, container := parts[2], strings.Join(parts[3:], "/")
	options, err := streaming.NewOptions(r)
	switch {
	case parts[0] == "containerLogs":
		fmt.Fprintln(w, "a line of the log")
	case parts[0] == "portForward":
		forward, err := portforward.NewV4Options(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		portforward.ServePortForward(w, r, n, pod, "", forward, limit, limit, portforward.SupportedProtocols)
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	case parts[0] == "exec":
		streaming.ServeExec(w, r, n, pod, "", container, r.URL.Query()["command"], options, limit, limit, remotecommandconsts.SupportedStreamingProtocols)
	case parts[0] == "attach":
		streaming.ServeAttach(w, r, n, pod, "", container, options, limit, limit, remotecommandconsts.SupportedStreamingProtocols)
	default:
		http.NotFound(w, r)
	}
}

func newKubeletCommand() *cobra.Command {
	var listen string
	command := &cobra.Command{
		Use:   "kubelet",
		Short: "answer the API server as a node does",
		RunE: func(*cobra.Command, []string) error {
			certificate, key, err := cert.GenerateSelfSignedCertKey("127.0.0.1", nil, nil)
			if err != nil {
				return err
			}
			pair, err := tls.X509KeyPair(certificate, key)
			if err != nil {
				return err
			}
			server := http.Server{Addr: listen, Handler: node{}, TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}}}
			// SPDY takes the connection over, which HTTP/2 does not let it.
			server.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
			return server.ListenAndServeTLS("", "")
		},
	}
	command.Flags().StringVar(&listen, "listen", "", "address and port")
	return command
}
