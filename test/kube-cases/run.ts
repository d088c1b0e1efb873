/**
 * `node test/kube-cases/run.ts <kubeconfig>`: the cases of the emulated API server against a real one, whose
 * kubeconfig has a bearer token of one who may do everything. Makes namespaces and removes them.
 */
import { readServer } from './server-address.ts'
import { testServer } from './server-suite.ts'

testServer(await readServer(process.argv[2] ?? 'kubeconfig'))
