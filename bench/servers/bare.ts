/** The measure of all things: a node:http server that answers the bytes it is given, and does nothing else. */
import { createServer } from 'node:http'

process.on('message', ({ body, headers }: { body: string; headers: string[] }) => {
  const bytes = Buffer.from(body)
  const server = createServer({ keepAliveTimeout: 60_000 }, (_request, response) => {
    response.writeHead(200, headers)
    response.end(bytes)
  })
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    process.send?.({ port: typeof address === 'object' ? address?.port : 0 })
  })
})
process.on('disconnect', () => process.exit(0))
