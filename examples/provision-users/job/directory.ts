import { randomBytes } from 'node:crypto'
import { type Api, ProtocolError } from '@tomte/client'
import { COMPARED, type DirectoryUser } from './plan.ts'

// Graph takes no more values in one `in`.
const IN_MAX = 15

/** Compares employee ids as the directory does: without regard to case. */
export const fold = (employeeId: string): string => employeeId.normalize('NFC').toLowerCase()

/** Finds the people with these employee ids, in one batch for up to 300 of them. */
export async function findByEmployeeId(
  directory: Api,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, DirectoryUser[]>> {
  const found = new Map<string, DirectoryUser[]>()
  const chunks = Array.from({ length: Math.ceil(ids.length / IN_MAX) }, (_, index) =>
    ids.slice(index * IN_MAX, (index + 1) * IN_MAX),
  )
  const answers = await directory.batch(
    chunks.map((chunk) => ({
      method: 'GET',
      url: `/users?$select=${COMPARED.join(',')}&$filter=${encodeURIComponent(inFilter(chunk))}`,
    })),
    { signal },
  )
  for (const { status, body } of answers) {
    if (status !== 200) throw unexpected(`status ${status}`)
    for (const user of usersOf(body)) {
      const key = fold(user.employeeId)
      found.set(key, [...(found.get(key) ?? []), user])
    }
  }
  return found
}

const inFilter = (ids: readonly string[]) =>
  `employeeId in (${ids.map((id) => `'${id.replaceAll("'", "''")}'`).join(',')})`

function usersOf(body: unknown): readonly DirectoryUser[] {
  if (typeof body !== 'object' || body === null || !('value' in body) || !Array.isArray(body.value))
    throw unexpected('no "value" list')
  return body.value.map((user: unknown) => {
    if (typeof user !== 'object' || user === null || !('id' in user) || !('employeeId' in user))
      throw unexpected('a user without id')
    return user as DirectoryUser
  })
}

function unexpected(found: string): ProtocolError {
  return new ProtocolError(
    `Cannot look up people by employee id, as the directory must answer with a list of users: found ${found}`,
    {
      code: 'directory_answer_unexpected',
    },
  )
}

/** A new person's first password: 192 random bits, never shown, to be changed at the first sign-in. */
export const newPassword = (): string => `${randomBytes(24).toString('base64url')}aA1-`

/** What the directory said of a request it refused, for the row's reason. */
export function refusalOf(body: unknown, status: number): string {
  const error = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined
  const message =
    typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : ''
  return `the directory refused it with status ${status}${message === '' ? '' : `: ${message.slice(0, 300)}`}`
}
