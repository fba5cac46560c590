-- While a key is being changed both sign in.
ALTER USER %(user)s SET RSA_PUBLIC_KEY_2 = '%(public_key)s';
