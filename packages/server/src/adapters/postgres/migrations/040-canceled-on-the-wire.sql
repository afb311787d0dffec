-- What was on the wire while it was canceled ends as it ends, and its cancellation says what of it was not made any more.
-- works with: 037

grant update (number) on attempt to psapi_worker;
