package auth

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Bounds of guessing. They are not what keeps a token safe, which its 256 bits do: they tell a
// client with a wrong token to leave off.
const (
	guessEvery = 6 * time.Second // and address, once the burst is used up
	guessBurst = 20
	remembered = 4096 // addresses
)

// TooMany says that there were too many attempts, and how long to wait.
type TooMany struct{ Wait time.Duration }

func (e *TooMany) Error() string {
	return fmt.Sprintf("too many attempts with tokens that are not good: wait %s", e.Wait.Round(time.Second))
}

// Gate lets in who has a token, and slows down who guesses.
type Gate struct {
	tokens  Tokens
	guesses *Throttle
}

// NewGate makes a gate before what the tokens are for.
func NewGate(tokens Tokens) *Gate {
	return &Gate{tokens: tokens, guesses: NewThrottle(guessEvery, guessBurst, remembered)}
}

// Enter gives the token of whoever comes from an address and presents a secret: ErrUnknown when
// it is not good, TooMany when that was so too often. A good one is let in all the same: behind a
// proxy everybody comes from one address, and nobody is to be kept out by a stranger's guesses.
func (g *Gate) Enter(ctx context.Context, from, presented string, now time.Time) (Token, error) {
	t, err := Check(ctx, g.tokens, presented, now)
	if !errors.Is(err, ErrUnknown) {
		return t, err
	}
	if wait, ok := g.guesses.Take(from, now); !ok {
		return Token{}, &TooMany{Wait: wait}
	}
	return Token{}, ErrUnknown
}
