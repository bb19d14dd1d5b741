package pgserver

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
)

// Ports below those that the system gives to outgoing connections, which could take a
// free one before the server does (32768 and up on Linux, 49152 and up elsewhere).
const firstPort, ports, portTries = 20000, 12000, 200

// FreePorts finds n different ports of the loopback address that nobody listens on.
// Nothing reserves them.
func FreePorts(n int) ([]int, error) {
	found := make(map[int]bool, n)
	for range portTries * n {
		if len(found) == n {
			break
		}
		if port := firstPort + rand.IntN(ports); free(port) {
			found[port] = true
		}
	}
	if len(found) < n {
		return nil, fmt.Errorf("find %d free ports between %d and %d", n, firstPort, firstPort+ports)
	}
	return slices.Collect(maps.Keys(found)), nil
}

func free(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	return err == nil && l.Close() == nil
}
