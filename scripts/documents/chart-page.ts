import { readFileSync } from 'node:fs'
import { isMap, isScalar, type Pair, parse, parseDocument, stringify, type YAMLMap } from 'yaml'

/** One value of the chart as its page shows it. */
export interface ChartValue {
  /** Dotted path, such as `mic.leaderElection.name`. */
  readonly path: string
  /** Absent for a group. */
  readonly default?: unknown
  /** The comment before it. */
  readonly effect: string
}

/**
 * The values of a `values.yaml` with their comments. A map whose entries have comments is a group, anything
 * else is a value. @throws Error for a value without a comment.
 */
export function chartValues(text: string): ChartValue[] {
  const document = parseDocument(text)
  if (!isMap(document.contents)) throw new Error('values.yaml is no map')
  return valuesOf(document.contents, '', parse(text) as unknown)
}

function valuesOf(map: YAMLMap, prefix: string, plain: unknown): ChartValue[] {
  return map.items.flatMap((pair, at) => {
    const name = nameOf(pair)
    const path = `${prefix}${name}`
    const value = (plain as Record<string, unknown>)[name]
    // The comment before the first entry of a map belongs to the map; the file's own stands apart by a blank line.
    const effect = oneLine(commentBefore(pair.key) ?? (at === 0 ? map.commentBefore : null))
    if (isMap(pair.value) && isGroup(pair.value)) {
      const group = effect === '' ? [] : [{ path, effect }]
      return [...group, ...valuesOf(pair.value, `${path}.`, value)]
    }
    if (effect === '') throw new Error(`values.yaml: ${path} has no comment`)
    return { path, default: value, effect }
  })
}

function isGroup(map: YAMLMap): boolean {
  const hasComment = map.items.some((pair) => commentBefore(pair.key) !== undefined)
  return map.items.length > 0 && (hasComment || (map.commentBefore ?? '') !== '')
}

function nameOf(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : ''
}

function commentBefore(node: unknown): string | undefined {
  return isScalar(node) && node.commentBefore ? node.commentBefore : undefined
}

/** The last paragraph of a comment. */
function oneLine(comment: string | null | undefined): string {
  const paragraph = (comment ?? '').split(/\n\s*\n/).at(-1) ?? ''
  return paragraph
    .split('\n')
    .map((line) => line.trim())
    .join(' ')
    .trim()
}

const LONGEST_DEFAULT = 70

function defaultText(value: unknown): string {
  const shown = stringify(value, {
    collectionStyle: 'flow',
    flowCollectionPadding: false,
    lineWidth: 0,
  }).trim()
  return shown.length > LONGEST_DEFAULT ? 'see `values.yaml`' : `\`${shown}\``
}

/** charts/podid/README.md */
export function chartPage(): string {
  const values = chartValues(readFileSync('charts/podid/values.yaml', 'utf8'))
  const rows = values.map(({ path, effect, ...rest }) => {
    const cell = 'default' in rest ? defaultText(rest.default) : ''
    return `| \`${path}\` | ${cell.replaceAll('|', '\\|')} | ${effect.replaceAll('|', '\\|').replace('(podid)', '*podid*')} |`
  })
  return `# The chart

Installs podid: MIC as a Deployment, NMI as a DaemonSet, the custom resource definitions and what each component may do; with
\`keyvaultProvider.enabled\` the [Key Vault provider](../../docs/keyvault.md) as a DaemonSet too.
[Install](../../docs/install.md) is the way from nothing to the first token, from AAD Pod Identity to podid, and back;
[security](../../docs/security.md) lists what each pod may do.

Values of the chart of AAD Pod Identity keep name, default and effect, so its \`values.yaml\` works as it is; those marked
*podid* are new. A value that the chart does not know is an error that names it. Values that mean nothing any more are
accepted, and the notes after the install say so. Made from the comments of \`values.yaml\` by \`node scripts/documents.ts\`.

| value | default | effect |
| --- | --- | --- |
${rows.join('\n')}
`
}
