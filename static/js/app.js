// The scripts of every page. Pages also work without them, a little slower.
import { startAnswers } from "./answers.js";
import { startTimeMachine } from "./as_of.js";
import { startComposer } from "./composer.js";
import { startDialogs } from "./dialogs.js";
import { startDrawer } from "./drawer.js";
import { startFacets } from "./facets.js";
import { startForms } from "./forms.js";
import { startListState } from "./list_state.js";
import { startSaving } from "./saving.js";
import { startSearch } from "./search.js";
import { startSelection } from "./selection.js";
import { startStatuses } from "./statuses.js";
import { startTables } from "./tables.js";
import { startTheme } from "./theme.js";
import { startTimeZone } from "./time_zone.js";
import { startToasts } from "./toasts.js";
import { startUnsaved } from "./unsaved.js";

document.documentElement.classList.add("js");

startTimeZone();
startTheme();
startSearch();
startTables();
startFacets();
startSelection();
startToasts();
startTimeMachine();
startAnswers();
startDialogs();
startDrawer();
startForms();
startUnsaved();
startListState();
startStatuses();
startComposer();
startSaving();
