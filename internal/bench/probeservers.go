package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"

	"github.com/lullhq/lull/internal/pgserver"
)

// probeServers is how many servers the targets lie on. Each connection leaves its port unusable
// for a minute on the way to one server (TIME_WAIT), and there are some 28,000 of them.
const probeServers = 20

// startServers starts the process that is asked, and gives its addresses.
func startServers(ctx context.Context, self string) (addresses []string, stop func() error, err error) {
	cmd := exec.CommandContext(ctx, self, ProbeServers)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("start the servers: %w", err)
	}
	stop = func() error {
		_ = in.Close() // it ends when nobody holds the other end any more
		return cmd.Wait()
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &addresses)
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("read where the servers are: %w", err), stop())
	}
	return addresses, stop, nil
}

// ServeProbes answers until in ends. It writes its addresses first.
func ServeProbes(in io.Reader, out io.Writer) error {
	ports, err := pgserver.FreePorts(probeServers)
	if err != nil {
		return err
	}
	page := append([]byte("<!doctype html><title>Target</title><p>All is well here.\n"), make([]byte, 1000)...)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(page) // whoever asked has gone
	})}
	defer func() { _ = server.Close() }()
	var addresses []string
	for _, port := range ports {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		addresses = append(addresses, l.Addr().String())
		go func() { _ = server.Serve(l) }() // ends with the server
	}
	if err := json.NewEncoder(out).Encode(addresses); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, in)
	return err
}
