/**
 * `node test/kube-cases/run.ts [kubeconfig]`: the cases of the emulated API server against a real one, whose
 * kubeconfig has a bearer token of one who may do everything. Makes namespaces and removes them. Without a
 * kubeconfig it starts a server of its own.
 */
import { after } from 'node:test'
import { chooseServer } from './chosen-server.ts'
import { testServer } from './server-suite.ts'

const server = await chooseServer(process.argv[2])
after(() => server.close())
testServer(server.subject)
