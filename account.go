package parley

// AccountStatus says what an account may do.
type AccountStatus string

// The statuses. An active account may do everything that its policies allow; one
// whose verification is pending is refused the operations that model
// PendingVerification; a suspended one is refused all.
const (
	AccountActive    AccountStatus = "active"
	AccountPending   AccountStatus = "pending-verification"
	AccountSuspended AccountStatus = "suspended"
)

// ValidAccount reports whether id has the form of an account's id: 12 digits.
func ValidAccount(id string) bool { return len(id) == 12 && consists(id, isDigit) }
