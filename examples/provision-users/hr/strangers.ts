import type { DirectoryPerson } from './directory.ts'

/** Accounts no export names, which an import must leave alone: contractors, service desk, meeting rooms. */
export const STRANGERS: readonly DirectoryPerson[] = [
  contractor('C20001', 'Mária', 'Kováčová', 'ext.maria.kovacova', 'Software Engineer', 'Engineering'),
  contractor('C20002', 'Tadeusz', 'Bąk', 'ext.tadeusz.bak', 'Software Engineer', 'Engineering'),
  contractor('C20003', 'Orla', "O'Dowd", 'ext.orla.odowd', 'Test Engineer', 'Engineering'),
  contractor('C20007', 'Ødger', 'Thorsrud', 'ext.odger.thorsrud', 'Network Engineer', 'IT'),
  contractor('C20008', 'Deepa', 'Menon', 'ext.deepa.menon', 'Systems Administrator', 'IT'),
  contractor('C20011', 'Étienne', 'Beauchêne', 'ext.etienne.beauchene', 'Security Analyst', 'IT'),
  contractor('C20012', 'Raúl', 'Cañizares', 'ext.raul.canizares', 'Data Engineer', 'Engineering'),
  contractor('C20015', 'Gülay', 'Ateş', 'ext.gulay.ates', 'Financial Analyst', 'Finance'),
  contractor('C20016', 'Wiebke', 'Groß', 'ext.wiebke.gross', 'Recruiter', 'People & Culture'),
  contractor('C20019', 'Ivo', 'Štěpánek', 'ext.ivo.stepanek', 'Warehouse Operator', 'Operations'),
  contractor('C20020', 'Ásdís', 'Helgadóttir', 'ext.asdis.helgadottir', 'Customs Clerk', 'Operations'),
  contractor('C20021', 'Quỳnh', 'Lê', 'ext.quynh.le', 'Support Agent', 'Customer Support'),
  contractor('C20024', 'Berit', 'Skaug', 'servicedesk.berit.skaug', 'Service Desk Technician', 'IT'),
  contractor('C20025', 'Ville', 'Kuusisto', 'servicedesk.ville.kuusisto', 'Service Desk Technician', 'IT'),
  contractor('C20026', 'Lena', 'Åhs', 'servicedesk.lena.ahs', 'Service Desk Technician', 'IT'),
  account('Service', 'Desk', 'servicedesk', 'Shared mailbox', 'IT'),
  account('Meeting Room', 'Norrsken', 'room-norrsken', 'Meeting room', 'Operations'),
  account('Meeting Room', 'Skärgård', 'room-skargard', 'Meeting room', 'Operations'),
]

function contractor(
  employeeId: string,
  ...[givenName, surname, userName, jobTitle, department]: Parameters<typeof account>
): DirectoryPerson {
  return { employeeId, ...account(givenName, surname, userName, jobTitle, department) }
}

function account(givenName: string, surname: string, userName: string, jobTitle: string, department: string) {
  const displayName = `${givenName} ${surname}`
  const place = { officeLocation: 'Stockholm', accountEnabled: true }
  return { givenName, surname, displayName, userName, jobTitle, department, ...place }
}
