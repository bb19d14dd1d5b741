//go:build !linux

package bench

import "errors"

func forget(string) error { return errors.New("only Linux can be told to forget a file") }
