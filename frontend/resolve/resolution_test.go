package resolve

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/org/pullsafe/frontend/diagnosis"
)

func TestCanceled(t *testing.T) {
	rejected, canceled := diagnosis.Diagnosis{Class: diagnosis.CredentialsRejected}, diagnosis.Diagnosis{Class: diagnosis.Canceled}
	assert.True(t, (&Resolution{Written: canceled}).Canceled())
	assert.True(t, (&Resolution{Written: rejected, Fallback: []diagnosis.Diagnosis{rejected, canceled}}).Canceled())
	assert.False(t, (&Resolution{Written: rejected, Fallback: []diagnosis.Diagnosis{rejected}}).Canceled())
}

func TestDecisive(t *testing.T) {
	of := func(classes ...diagnosis.Class) *Resolution {
		r := &Resolution{}
		for _, c := range classes {
			r.Fallback = append(r.Fallback, diagnosis.Diagnosis{Class: c})
		}
		return r
	}
	_, ok := of().Decisive()
	assert.False(t, ok)
	for _, tc := range []struct {
		want    diagnosis.Class
		answers []diagnosis.Class
	}{
		{diagnosis.AuthRequired, []diagnosis.Class{diagnosis.TLSFailure, diagnosis.AuthRequired}},
		{diagnosis.NotFound, []diagnosis.Class{diagnosis.NotFound, diagnosis.CredentialHelper}},
		{diagnosis.PolicyDenied, []diagnosis.Class{diagnosis.NotFound, diagnosis.PolicyDenied}},
		{diagnosis.RegistryOutage, []diagnosis.Class{diagnosis.NetworkFailure, diagnosis.RegistryOutage}},
		{diagnosis.InvalidReference, []diagnosis.Class{diagnosis.NotARegistryError, diagnosis.InvalidReference}},
	} {
		d, ok := of(tc.answers...).Decisive()
		assert.True(t, ok)
		assert.Equal(t, tc.want, d.Class)
	}
}
