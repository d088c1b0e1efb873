/** The rules for names, labels and qualified names, and what the API server says when they are broken. */

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const NAME_PART = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/

const SUBDOMAIN_TEXT =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
const LABEL_TEXT =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
const NAME_PART_TEXT =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
const LABEL_VALUE_TEXT =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"

export type NameRule = 'subdomain' | 'label' | 'path-segment'

/** What is wrong with an object's name; empty when nothing is. */
export function nameProblems(name: string, rule: NameRule): readonly string[] {
  if (rule === 'subdomain') return limited(name, '253 characters', SUBDOMAIN.test(name), SUBDOMAIN_TEXT)
  if (rule === 'label') return limited(name, '63 characters', LABEL.test(name), LABEL_TEXT)
  if (name === '.' || name === '..') return [`may not be '${name}'`]
  return ['/', '%'].filter((each) => name.includes(each)).map((each) => `may not contain '${each}'`)
}

function limited(text: string, longest: string, fits: boolean, detail: string): readonly string[] {
  const problems: string[] = []
  if (text.length > Number.parseInt(longest, 10)) problems.push(`must be no more than ${longest}`)
  if (!fits) problems.push(detail)
  return problems
}

export function labelValueProblems(value: string): readonly string[] {
  return limited(value, '63 bytes', LABEL_VALUE.test(value), LABEL_VALUE_TEXT)
}

/** A label key, annotation key or finalizer: an optional DNS prefix, a slash, and a name. */
export function qualifiedNameProblems(name: string): readonly string[] {
  const parts = name.split('/')
  if (parts.length > 2) {
    return [
      `a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ]
  }
  const local = parts.at(-1) ?? ''
  const problems: string[] = []
  const prefix = parts.length === 2 ? parts[0] : undefined
  if (prefix === '') problems.push('prefix part must be non-empty')
  else if (prefix !== undefined && !SUBDOMAIN.test(prefix)) problems.push(`prefix part ${SUBDOMAIN_TEXT}`)
  if (local === '') problems.push('name part must be non-empty')
  else if (local.length > 63) problems.push('name part must be no more than 63 bytes')
  if (!NAME_PART.test(local)) problems.push(NAME_PART_TEXT)
  return problems
}
