import { isDeepStrictEqual } from 'node:util'
import { GraphError } from '../graph/errors.ts'
import { DEFAULT_KIND, DEFAULT_POLICY_ID, updateDefaultPolicy } from '../policy/credential-rules.ts'
import { createPolicy, POLICY_READERS, type PolicyKind, type PolicyReader } from '../policy/policies.ts'
import { refusing, type SeedContext, textIn } from './seed-context.ts'
import type { Entry } from './shape.ts'

const isKind = (kind: string): kind is PolicyKind => Object.hasOwn(POLICY_READERS, kind)
const policyIn = (entry: Entry) => entry['policy'] as Entry

/** Writes a policy by the rules of Graph; what it is assigned to comes when everything is there. */
export async function insertPolicy(context: SeedContext, entry: Entry, path: string): Promise<string> {
  const { faults } = context
  const [id, kind] = [textIn(entry, 'id'), textIn(entry, 'kind')]
  if (kind === DEFAULT_KIND) {
    if (id !== DEFAULT_POLICY_ID) faults.push(`${path}.id: a default policy has the id ${DEFAULT_POLICY_ID}`)
    await refusing(context, `${path}.policy`, () => updateDefaultPolicy(context, policyIn(entry)))
    return ''
  }
  if (!isKind(kind)) {
    faults.push(`${path}.kind: one of ${[...Object.keys(POLICY_READERS), DEFAULT_KIND].join(', ')} is needed`)
    return ''
  }
  if (policyIn(entry)['isOrganizationDefault'] === true && (await hasDefault(context, kind))) {
    faults.push(`${path}.policy.isOrganizationDefault: another policy is; make one of them false`)
    return ''
  }
  const made = await refusing(context, `${path}.policy`, () =>
    createPolicy(context, kind, policyIn(entry), id),
  )
  return made ? id : ''
}

async function hasDefault({ db, tenantId }: SeedContext, kind: PolicyKind): Promise<boolean> {
  const rows = await db
    .selectFrom('policy')
    .select('body')
    .where('tenant_id', '=', tenantId)
    .where('kind', '=', kind)
    .execute()
  return rows.some(({ body }) => (JSON.parse(body) as Entry)['isOrganizationDefault'] === true)
}

/** Whether the policy that is there says something else than the file, read by the rules of Graph. */
export async function policyDiffers(_context: SeedContext, entry: Entry, existing: Entry): Promise<boolean> {
  const kind = textIn(entry, 'kind')
  if (kind !== existing['kind'] || !isKind(kind))
    return kind !== existing['kind'] || !saysDefault(entry, existing)
  const read: PolicyReader = POLICY_READERS[kind]
  try {
    return !isDeepStrictEqual(
      JSON.parse(JSON.stringify(read(policyIn(entry), undefined))),
      existing['policy'],
    )
  } catch (error) {
    if (error instanceof GraphError) return true
    throw error
  }
}

/** Of the default policy a file may state a part. */
const saysDefault = (entry: Entry, existing: Entry) =>
  Object.entries(policyIn(entry)).every(([name, value]) => isDeepStrictEqual(value, policyIn(existing)[name]))
