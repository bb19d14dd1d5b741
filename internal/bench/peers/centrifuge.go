package main

import (
	"context"
	"net/http"

	"github.com/centrifugal/centrifuge"
)

const channel = "events"

// library is a node of centrifuge with its handler for server-sent events. Whoever connects listens to the one channel.
type library struct {
	node *centrifuge.Node
	http.Handler
}

func newCentrifuge() (*library, error) {
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		return nil, err
	}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{
			Credentials:   &centrifuge.Credentials{},
			Subscriptions: map[string]centrifuge.SubscribeOptions{channel: {}},
		}, nil
	})
	node.OnConnect(func(*centrifuge.Client) {})
	if err := node.Run(); err != nil {
		return nil, err
	}
	return &library{node: node, Handler: centrifuge.NewSSEHandler(node, centrifuge.SSEConfig{})}, nil
}

func (l *library) publish(message []byte) error {
	_, err := l.node.Publish(channel, message)
	return err
}
