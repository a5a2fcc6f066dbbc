// The least that keeps tokens: a Map in an async function.

export type Lookup = (tenant: string) => Promise<string | undefined>

/** Only looks the token up, and so would give out one that has expired. */
export function bareMap(tokens: ReadonlyMap<string, string>): Lookup {
  return async (tenant) => tokens.get(tenant)
}

/** Looks the token up and gives it out if it lasts: the same observable work as a client's. */
export function lastingMap(tokens: ReadonlyMap<string, string>): Lookup {
  const endMs = Date.now() + 3_600_000
  const kept = new Map([...tokens].map(([tenant, token]) => [tenant, { token, endMs }]))
  return async (tenant) => {
    const found = kept.get(tenant)
    return found !== undefined && Date.now() < found.endMs ? found.token : undefined
  }
}
