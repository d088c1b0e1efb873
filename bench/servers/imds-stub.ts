/** A bare IMDS for figures: answers every token request at once with the same bytes. */
import { createServer } from 'node:http'

const payload = Buffer.from(JSON.stringify({ aud: 'x', appid: 'x', oid: 'x' })).toString('base64url')
const token = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.${'s'.repeat(1_500)}`

const server = createServer((_request, response) => {
  const now = Math.floor(Date.now() / 1_000)
  const body = JSON.stringify({
    access_token: token,
    client_id: 'c0c0c0c0-0000-4000-8000-73686f700000',
    expires_in: '86399',
    expires_on: String(now + 86_399),
    ext_expires_in: '86399',
    not_before: String(now),
    resource: 'https://vault.azure.net',
    token_type: 'Bearer',
  })
  response.writeHead(200, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
  })
  response.end(body)
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.send?.({ port: typeof address === 'object' ? address?.port : 0 })
})
process.on('disconnect', () => process.exit(0))
