import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { openConnectRelay } from './connect-relay.ts'

async function tunnel(url: string, path: string): Promise<{ status: number; socket: Socket }> {
  const { hostname, port } = new URL(url)
  const asked = request({ host: hostname, port, method: 'CONNECT', path, agent: false })
  asked.end()
  const [response, socket] = (await once(asked, 'connect')) as [IncomingMessage, Socket]
  return { status: response.statusCode ?? 0, socket }
}

test('the relay leads the given names to its port, and nothing else anywhere', async (t) => {
  const target = createServer((socket) => socket.pipe(socket))
  target.listen(0, '127.0.0.1')
  await once(target, 'listening')
  t.after(() => target.close())
  const { port } = target.address() as AddressInfo
  const relay = await openConnectRelay({ names: ['shop.vault.azure.net'], targetPort: port })
  t.after(() => relay.close())
  for (const path of ['other.example:443', 'shop.vault.azure.net:80', `127.0.0.1:${port}`, 'nonsense']) {
    const { status, socket } = await tunnel(relay.url, path)
    assert.equal(status, 403, path)
    socket.destroy()
  }
  const { status, socket } = await tunnel(relay.url, 'shop.vault.azure.net:443')
  assert.equal(status, 200)
  socket.write('hello')
  const [echo] = (await once(socket, 'data')) as [Buffer]
  assert.equal(echo.toString(), 'hello')
  const ended = once(socket, 'close')
  await relay.close()
  await ended
})
