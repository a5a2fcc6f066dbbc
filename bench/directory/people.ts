import { DatabaseSync } from 'node:sqlite'

/** A person as a daemon creates them. */
export const person = (name: string) => ({
  accountEnabled: true,
  displayName: `Person ${name}`,
  givenName: 'Person',
  surname: name,
  jobTitle: 'Engineer',
  department: 'Research',
  employeeId: name,
  mail: `${name}@mail.example`,
  mailNickname: name,
  userPrincipalName: `${name}@contoso.example`,
  passwordProfile: { password: `Aa1-${name}-Aa1-${name}`.slice(0, 200) },
})

/** Columns that differ from one copy of a person to the next. */
const OWN = [
  'id',
  'user_principal_name',
  'user_principal_name_key',
  'employee_id',
  'employee_id_key',
  'mail',
  'mail_key',
  'mail_nickname',
  'mail_nickname_key',
  'change',
  'seq',
]

/** Writes copies of the one person in a platform's database, which nothing else may have open. */
export function multiply(file: string, count: number): void {
  const database = new DatabaseSync(file)
  try {
    const names = database
      .prepare('select name from pragma_table_info(?)')
      .all('user')
      .map((row) => String(row['name']))
    const copied = names.filter((name) => !OWN.includes(name))
    const own = names.filter((name) => OWN.includes(name) && name !== 'seq')
    const value = (name: string) => {
      if (name === 'change') return 'n + 1000'
      if (name === 'id') return "printf('%08x-0000-4000-8000-000000000000', n)"
      return name.startsWith('user_principal') ? "'p' || n || '@contoso.example'" : "'p' || n"
    }
    database.exec('begin')
    database
      .prepare(
        `with recursive number(n) as (select 1 union all select n + 1 from number where n < ?)
         insert into "user" (${[...copied, ...own].join(', ')})
         select ${[...copied.map((name) => `one.${name}`), ...own.map(value)].join(', ')}
         from number, (select * from "user" limit 1) as one`,
      )
      .run(count)
    database.prepare('update change_counter set value = value + ?').run(count + 1000)
    database.exec('commit')
    database.exec('pragma wal_checkpoint(truncate)')
  } finally {
    database.close()
  }
}

/** Inserts rows as the platform's own, twenty to a transaction, synced; resolves with milliseconds of CPU for each row. */
export function bareInserts(file: string, batches: number): number {
  const database = new DatabaseSync(file)
  try {
    database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma locking_mode = exclusive')
    const one = database.prepare('select * from "user" limit 1').get() ?? {}
    const names = Object.keys(one).filter((name) => name !== 'seq')
    const insert = database.prepare(
      `insert into "user" (${names.join(', ')}) values (${names.map(() => '?').join(', ')})`,
    )
    const before = process.cpuUsage()
    for (let batch = 0; batch < batches; batch++) {
      database.exec('begin')
      for (let row = 0; row < 20; row++) {
        const name = `b${batch}-${row}`
        insert.run(...names.map((column) => bareValue(column, name, one[column] ?? null)))
      }
      database.exec('commit')
    }
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000 / (batches * 20)
  } finally {
    database.close()
  }
}

/** The value of a column in a row of its own: such as the other row has, where it need not differ. */
export function bareValue<T>(column: string, name: string, otherwise: T): T | string | number {
  if (column === 'change') return Number(name.replaceAll(/\D/g, '')) + 1e9
  if (!OWN.includes(column)) return otherwise
  return column.startsWith('user_principal') ? `${name}@contoso.example` : name
}
