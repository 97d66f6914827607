// Package conformance drives the official clients of Amazon IVS Chat against a
// started parley: the AWS CLI, the AWS SDKs for Python, JavaScript and Go, and the
// IVS Chat messaging SDK for JavaScript, in Node and in Chromium. None of them is
// changed; they are told another endpoint, nothing else.
//
// It is a module of its own, so that the clients are no dependencies of parley. The
// programs in drivers/ each put one client behind the same line protocol, and the
// tests here say what all of them must see.
package conformance
