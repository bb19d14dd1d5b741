// Package proofread reads once more what a person has written for others, before others read it: whether the
// addresses in it answer, whether one of them stands there in two spellings, and whether the words are spelt right.
//
// It must not know what the text is for, or what is done about what it finds.
package proofread
