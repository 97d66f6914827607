// Package chatlog delivers chat logs to the destinations of logging configurations.
// What is sent to a room that is logged goes to a queue on disk, one for each
// configuration that the room names, before anybody receives it, and leaves the queue
// when the destination has it. A Logger owns those queues and has a goroutine for
// each that is in use. Destinations are S3-compatible storage, the CloudWatch Logs
// API, the Firehose API, or folders; the operator's settings say which name leads
// where. Who is logged, and in which frames, is left to others.
package chatlog
