package pgserver

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports below those that the system gives to outgoing connections, which could take a
// free one before the server does (32768 and up on Linux, 49152 and up elsewhere).
const firstPort, ports, portTries = 20000, 12000, 200

// FreePorts finds n different ports of the loopback address that nobody listens on.
// Nothing reserves them.
func FreePorts(n int) ([]int, error) {
	found := make([]int, 0, n)
	for range portTries * n {
		if len(found) == n {
			break
		}
		port := firstPort + rand.IntN(ports)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		defer l.Close() // held until all are found, so that none is found twice
		found = append(found, port)
	}
	if len(found) < n {
		return nil, fmt.Errorf("find %d free ports between %d and %d", n, firstPort, firstPort+ports)
	}
	return found, nil
}
