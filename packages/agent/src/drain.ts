/**
 * A peer that dies may leave its last frames in our receive buffer. If we write to the link before we read them,
 * the write fails (the peer's system has reset the connection), and Node would destroy the socket with what is
 * unread in it: writes that a client has been answered for. So a failed write is told to the socket only when
 * everything that came has been read.
 */

import type { Duplex } from 'node:stream'

/** Reading what is there takes one turn or a few; this only bounds the case in which no end ever comes. */
const patienceMs = 1_000

type Callback = (error?: Error | null) => void

/** Makes a failed write on `socket` wait for the end of what can be read. */
export function readBeforeFailing(socket: Duplex): void {
  const write = socket._write
  const writev = socket._writev
  const readFirst = (callback: Callback) => (error?: Error | null) => {
    if (error && !socket.readableEnded && !socket.destroyed) whenRead(socket, () => callback(error))
    else callback(error)
  }
  socket._write = (chunk, encoding, callback) => write.call(socket, chunk, encoding, readFirst(callback))
  if (writev) socket._writev = (chunks, callback) => writev.call(socket, chunks, readFirst(callback))
}

function whenRead(socket: Duplex, then: () => void): void {
  const done = () => {
    clearTimeout(timer)
    socket.off('end', done)
    socket.off('close', done)
    then()
  }
  const timer = setTimeout(done, patienceMs)
  timer.unref()
  socket.once('end', done)
  socket.once('close', done)
}
