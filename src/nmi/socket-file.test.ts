import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, lstatSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { OperatorError } from '../base/errors.ts'
import { bindSocketFile } from './socket-file.ts'

function place() {
  const folder = mkdtempSync(join(tmpdir(), 'podid-socket-'))
  const servers: Server[] = []
  return {
    folder,
    path: join(folder, 'host.sock'),
    /** A server that says its name to whoever connects. */
    server(name: string): Server {
      const server = createServer((socket) => void socket.end(name))
      servers.push(server)
      return server
    },
    [Symbol.dispose]() {
      for (const server of servers) server.close()
      rmSync(folder, { recursive: true })
    },
  }
}

async function nameAt(path: string): Promise<string> {
  const socket = connect(path)
  let name = ''
  socket.setEncoding('utf8').on('data', (text: string) => {
    name += text
  })
  await once(socket, 'close')
  return name
}

test('the socket and the folder that is made for it are open to their owner alone', async () => {
  using at = place()
  const path = join(at.folder, 'run/podid/host.sock')
  await bindSocketFile(at.server('one'), path)
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.equal(statSync(join(at.folder, 'run/podid')).mode & 0o777, 0o700)
  assert.equal(await nameAt(path), 'one')
  assert.deepEqual(readdirSync(join(at.folder, 'run/podid')), ['host.sock'])
})

test('a second server takes the path over, and the first one leaves it alone from then on', async () => {
  using at = place()
  const first = await bindSocketFile(at.server('one'), at.path)
  const second = await bindSocketFile(at.server('two'), at.path)
  assert.equal(await nameAt(at.path), 'two')
  first.remove()
  assert.equal(await nameAt(at.path), 'two')
  second.remove()
  assert.deepEqual(readdirSync(at.folder), [])
  second.remove()
})

test('the socket of a server that has ended is replaced', async () => {
  using at = place()
  const dead = at.server('dead')
  await bindSocketFile(dead, at.path)
  dead.close()
  await once(dead, 'close')
  assert.ok(lstatSync(at.path).isSocket())
  await bindSocketFile(at.server('next'), at.path)
  assert.equal(await nameAt(at.path), 'next')
})

test('there is a listening socket at the path at every moment of a take-over', async () => {
  using at = place()
  await bindSocketFile(at.server('0'), at.path)
  const over = new AbortController()
  const asking = (async () => {
    let answers = 0
    for (; !over.signal.aborted; answers += 1) assert.match(await nameAt(at.path), /^\d+$/)
    return answers
  })()
  for (let n = 1; n <= 20; n += 1) await bindSocketFile(at.server(String(n)), at.path)
  over.abort()
  assert.ok((await asking) > 0)
})

test('a path or folder that is not fit is refused, and nothing is left behind', async () => {
  using at = place()
  const open = mkdtempSync(join(at.folder, 'open-'))
  chmodSync(open, 0o777)
  const file = join(at.folder, 'file')
  writeFileSync(file, 'kept')
  const cases: [string, RegExp][] = [
    ['run/host.sock', /no absolute path/],
    [`${at.folder}/../host.sock`, /no absolute path/],
    [join(at.folder, 'x'.repeat(100)), /longer than 98 bytes/],
    [join(open, 'host.sock'), /others than its owner may write/],
    [file, /something that is no socket/],
    [open, /something that is no socket/],
    [join(file, 'host.sock'), /the folder cannot be made/],
  ]
  for (const [path, why] of cases)
    await assert.rejects(bindSocketFile(at.server('x'), path), (thrown) => {
      assert.ok(thrown instanceof OperatorError, path)
      assert.match(thrown.message, why)
      assert.match(thrown.message, /--host-door-socket/)
      return true
    })
  assert.deepEqual(readdirSync(open), [])
  assert.ok(lstatSync(file).isFile())
})
