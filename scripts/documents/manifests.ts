import { join } from 'node:path'
import { type Document, isMap, parseAllDocuments, parseDocument } from 'yaml'
import { createHelm } from '../../test/harness/helm.ts'
import { keyVaultPatch } from './keyvault-patch.ts'

/** Kinds that say what a component may do. */
const RIGHTS = ['ServiceAccount', 'ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding']
const HOOK = 'helm.sh/hook'
const COMPONENT = 'app.kubernetes.io/component'
/** What only Helm looks at. */
const OF_HELM = ['app.kubernetes.io/managed-by', 'app.kubernetes.io/version', 'helm.sh/chart']

const HEAD = 'Made from charts/podid by "node scripts/documents.ts"; to change it, change the chart.'

/** The files of deploy/: the chart with its defaults, for people without Helm. */
export async function manifests(): Promise<Readonly<Record<string, string>>> {
  const helm = await createHelm()
  try {
    const chart = join(import.meta.dirname, '..', '..', 'charts', 'podid')
    const render = async (...flags: readonly string[]): Promise<Document[]> => {
      const text = await helm.ok(['template', 'podid', chart, '--namespace', 'default', ...flags])
      // Templates that gave nothing leave an empty line.
      return documentsOf(text.replaceAll(/\n[ \t]*(?=\n)/g, ''))
    }
    const rendered = await render()
    const withKeyVault = await render('--set', 'keyvaultProvider.enabled=true')
    const ofComponent = (documents: readonly Document[], component: string): Document[] =>
      documents.filter(
        (each) => kindOf(each) === 'DaemonSet' && each.getIn(['metadata', 'labels', COMPONENT]) === component,
      )
    const definitions = documentsOf(await helm.ok(['show', 'crds', chart]))
    const plain = rendered.filter((each) => hookOf(each) === '')
    const hooks = (event: string): Document[] => rendered.filter((each) => hookOf(each).includes(event))
    const isRight = (each: Document): boolean => RIGHTS.includes(kindOf(each))
    return {
      'deploy/crds.yaml': file('The custom resource definitions.', definitions),
      'deploy/rbac.yaml': file(
        'What each component may do in the Kubernetes API, and nothing else.',
        plain.filter(isRight),
      ),
      'deploy/podid.yaml': file(
        'The node agent, the controller, and the exceptions for MIC.',
        plain.filter((each) => !isRight(each)),
      ),
      'deploy/uninstall/drain.yaml': file(
        'Before an uninstall: stops MIC, takes the identities off the nodes and removes the finalizers.',
        hooks('pre-delete'),
      ),
      'deploy/uninstall/rules.yaml': file(
        'After an uninstall: removes the iptables rules from every node.',
        hooks('post-delete'),
      ),
      'deploy/keyvault/provider.yaml': file(
        'The Key Vault provider of the Secrets Store CSI driver.',
        ofComponent(withKeyVault, 'keyvault-provider'),
      ),
      'deploy/keyvault/nmi-patch.yaml': `${headOf('What the node agent needs besides, to answer the provider on a socket of the node.')}${keyVaultPatch(
        ofComponent(rendered, 'nmi'),
        ofComponent(withKeyVault, 'nmi'),
      )}`,
    }
  } finally {
    await helm.close()
  }
}

function documentsOf(text: string): Document[] {
  return parseAllDocuments(text).filter((each) => isMap(each.contents))
}

function kindOf(document: Document): string {
  return String(document.get('kind'))
}

function hookOf(document: Document): string {
  const hook = document.getIn(['metadata', 'annotations', HOOK])
  return typeof hook === 'string' ? hook : ''
}

function headOf(purpose: string): string {
  return `# ${purpose}\n# ${HEAD}\n`
}

function file(purpose: string, documents: readonly Document[]): string {
  return `${headOf(purpose)}---\n${documents.map(objectText).join('---\n')}`
}

/** One object without what Helm adds for itself. */
function objectText(document: Document): string {
  const copy = parseDocument(document.toString())
  copy.commentBefore = null
  if (isMap(copy.contents)) copy.contents.commentBefore = null
  for (const label of OF_HELM) copy.deleteIn(['metadata', 'labels', label])
  for (const key of annotationsOf(copy)) {
    if (key.startsWith('helm.sh/')) copy.deleteIn(['metadata', 'annotations', key])
  }
  if (annotationsOf(copy).length === 0) copy.deleteIn(['metadata', 'annotations'])
  const plain = copy.toString({ lineWidth: 0, flowCollectionPadding: false })
  return plain.replace(/^---\n/, '')
}

function annotationsOf(document: Document): string[] {
  const annotations = document.getIn(['metadata', 'annotations'])
  return isMap(annotations) ? annotations.items.map(({ key }) => String(key)) : []
}
