// Package bus carries the events of rooms between nodes, over core NATS, which loses
// what is in flight whenever a connection breaks. The bus keeps what can be kept: it
// notices what was lost, gets it again, and says so when it cannot.
//
// # Use
//
//	b, err := bus.Open(ctx, bus.Config{Connect: engine.Connect, Prefix: "parley", ...})
//	stop, err := b.Subscribe(ctx, key, deliver, lost) // before the first session
//	err = b.Publish(ctx, key, event)
//	stop()
//	b.Close()
//
// Connect is nil on a single node: then nothing leaves the process, and an event costs a
// lock and a place in a queue. A key is the room's, in letters, digits, hyphens and dots.
// An event belongs to the bus once it was published. All callbacks but report run on one
// goroutine, one after the other; none may block. Users end before the bus: stop their
// subscriptions, then Close.
//
// # What is promised
//
// An event that Publish took is delivered to each subscription of its room
//
//   - once, and in the order of Publish among the events of one node in one room;
//   - also if it was published while the nodes did not reach each other, when they do
//     again within a minute;
//   - or lost is called, in the cases where a node learns that it missed something that
//     nobody can send again.
//
// What is published on any node after Subscribe returned is not missed. Before, it may or
// may not be delivered. A node delivers its own events when the live nodes that listen to
// the room have them, so that a sender's echo means that the others have the message. A
// node that takes longer than holdTime is not waited for until it caught up.
//
// # What is not
//
// Two nodes may deliver the events of two publishers in different orders. Events whose
// publisher dies before others have them are lost with it, and these are only events that
// it has not delivered itself, unless a listening node was late, was not heard, or had not
// yet been heard of. A node that was away for longer than the ring holds is told so by
// lost. A node which is suspected too early, because it stood still, gets what it missed
// when it goes on.
//
// # Protocol
//
// A node has a random id, a new one each time that it starts, and one connection, by which
// it sends and receives. So two nodes hear each other in order, as a rule, and a
// subscription is on its way before the message that speaks of it. Only speed depends on
// this, not the promises: everything is found by numbers, which may come in any order.
//
// Events. A node numbers its events: g = 1, 2, 3… over all rooms. It sends an event to
// PREFIX.room.KEY if another node listens to the room, with g and prev, the number of its
// event before in the room. The receiver knows of each room and peer up to which event it
// has all (source.last): it delivers an event with g > last and prev <= last; with
// g <= last it has it already; with prev > last something is missing, and it asks.
//
// Ring. A node keeps its own events, sent or not, for a minute, up to 64 MiB. Of each room
// it remembers for ten minutes more which event was the last, and the last that left the
// ring. Of rooms whose last event is older it only knows that it was before floor.
//
// Beats. Each node tells every 250 ms on PREFIX.beat that it is there: the number of the
// beat, its last g, its clock, the nodes it hears, and of each room that had events since
// the beat before, which was the last. So the last event of a room cannot be lost
// unnoticed, nor can a beat: its number is missing, and if g moved meanwhile, any room may
// have had events. The listener notes in source.want up to where a room is incomplete.
// When beats come in order and nothing is wanted, all up to the beat's g is here
// (peer.have), also in rooms that had no event for hours.
//
// Asks. Who wants something of a node asks it, on PREFIX.node.ID, for rooms: for what came
// after an event or, if the room is new to the asker, from a time on. This is the moment of
// Subscribe on the clock of the asked node, reckoned from its last beat, whose time on the
// way makes it too early, never too late. The asked node remembers from then on that the
// asker listens, sends the events again, in messages with a series and an index, and then
// an answer. That tells how many messages there were: if one is missing, the answer does
// not count. After an answer the asker has all up to the answer's g. It names the rooms of
// which something has left the ring: there, lost is called. An answer is bounded, what is
// left of it is asked for next.
// One ask to a node is on its way at a time, and is said again until it is answered, with
// the same id and text, and at once when the node shows that it hears the asker again; one
// with a lower id than the last is ignored. That a room is left
// is told in asks too, so the asked node has the same picture as the asker when an answer
// comes. The picture's age, the last ask's id, is in its beats: if it is older than what
// was answered, the node has forgotten the asker, who asks for everything.
//
// Subscribe. The subscription in NATS, then an ask to all live nodes. Who comes within 5 ms
// goes with the next ask. It waits for their answers, but not for nodes that have not
// answered for a second: those are asked from the time of Subscribe when they are heard.
//
// Acknowledgements. A receiver tells the numbers of the events that it has to their node,
// as soon as it has nothing else to do. They are exact, not "all up to": of an event that
// was lost, unnoticed so far, none claims that it came. The node holds its own delivery,
// room by room, until all live listeners have acknowledged, or for 100 ms. Who is late is
// lagging: not waited for until it has told, in its beats, that it heard a later beat.
//
// Silence. A node without a beat for 2 s is suspect: nobody waits for it and gone is called;
// what it listens to stays known. After another minute, what is missing of it is lost;
// after 10 minutes it is forgotten. A goodbye has all of this at once, also for what the
// node of that name was before it started again. A node that stood still itself does not
// hold the silence against others.
//
// Cut off. With a quorum, a node that hears fewer nodes than that refuses to publish, and so
// does one without its connection.
//
// Bounds. Own deliveries, arrivals, messages to send, rooms, peers (64), what a peer
// listens to, the ring, histories, asks, answers and beats have limits. Publish fails when
// own queues are full. What arrives and finds no room is dropped by NATS: numbers show it.
// NATS closes a route that is too slow for what goes through it, and all on it is lost:
// numbers show that, too.
//
// Versions. A message begins with the version of the format. Nodes of different versions do
// not understand each other: they stay strangers, and complain.
package bus
