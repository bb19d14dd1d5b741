// Package e2e tests the whole program from outside: the real binary, real servers, a real
// pooler and clients that write all the while. It types what a user would type, kills what
// an accident would kill, and looks afterwards what is there.
//
// It has tests only. It must not import the app, the commands or the store: what it knows of
// a maintenance it reads from what lull prints.
package e2e
