export { NotFoundScreen as EventTypeScreen } from '#src/shell/other-screens.tsx'
